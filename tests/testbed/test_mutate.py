from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from voicebot.testbed.mutate import json_mutated

VALID = b'{"type":"Dial","peer":{"id":"1","list":[1,2,{"a":"b"}]},"dialstatus":"RINGING"}'
SEEDS = st.integers(0, 2**32)


@given(SEEDS)
def test_what_comes_out_is_json(seed: int) -> None:
    changed = json_mutated(VALID, seed)
    assert changed is not None
    json.loads(changed)


@given(SEEDS)
def test_the_same_seed_gives_the_same_text(seed: int) -> None:
    assert json_mutated(VALID, seed) == json_mutated(VALID, seed)


def test_most_seeds_give_a_text_of_their_own_and_reach_every_depth() -> None:
    made = {json_mutated(VALID, seed) for seed in range(400)}
    assert len(made) > 150
    values = [json.loads(text) for text in made if text]
    objects = [value for value in values if isinstance(value, dict)]
    assert any("peer" not in value for value in objects)
    assert any(value.get("type") != "Dial" for value in objects)
    assert any(isinstance(value.get("peer"), dict) and value["peer"].get("list") != [1, 2, {"a": "b"}] for value in objects)


@given(st.binary(max_size=20), SEEDS)
def test_what_is_not_json_is_left_to_others(data: bytes, seed: int) -> None:
    changed = json_mutated(b"{" + data, seed)
    assert changed is None or json.loads(b"{" + data) is not None
