"""A candidate in one line, in both languages; what the page draws is walked through in test_review."""

from __future__ import annotations

import pytest

from tests.kit.deskkit import BEGUN, EVIL
from voicebot.desk.pages.review_view import EFFECTS, told
from voicebot.desk.wording import LANGUAGES, saying
from voicebot.learning.asked import Asked
from voicebot.learning.candidates import Failing, Group
from voicebot.learning.effect import NO_EFFECT
from voicebot.learning.pending import Candidate
from voicebot.store.after import Proposal

WRONG = Proposal("p", "c1", "ann", BEGUN, "wrong", "en", "bill", EVIL, "a")
GROUP = Group("unanswered en/0f", "en", (Asked("c", BEGUN, "en", "umbrellas"), Asked("d", BEGUN, "en", "umbrella")))


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        (WRONG, ("bill", EVIL)),
        (GROUP, ("2", "umbrellas")),
        (Failing("bill", "en", 9, 5, 0), ("bill", "5", "9")),
    ],
    ids=["proposal", "group", "failing"],
)
def test_a_candidate_is_told_in_one_line(candidate: Candidate, words: tuple[str, ...]) -> None:
    for language in LANGUAGES:
        line = told(candidate, saying(language))
        assert all(word in line for word in words)
        assert "\n" not in line


def test_every_kind_of_effect_is_shown() -> None:
    assert set(EFFECTS) == set(NO_EFFECT.__slots__)
    assert all(saying(language)(f"review.{kind}") for kind in EFFECTS for language in LANGUAGES)
