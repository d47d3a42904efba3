"""Every conversation that a lead wrote is held with the real call, as text in virtual time: the bot says what it must, and it ends where it should.

The same files are played over SIP by `scripts/bench conversations`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.kit.conversation import Caller, Held, Step, hangs_up, hold, keyed, says
from tests.kit.customers import PEOPLE
from tests.kit.hotline import hotline
from tests.kit.speech import scripted_ears
from voicebot.store.events import BotSpoke, CallerSpoke, DigitPressed, HandoverDecided
from voicebot.testbed.conversations import Conversation, Hears, Keys, Says, Stays, Turn, load

CONVERSATIONS = load(PEOPLE)
WORD_MS = 160
SHORTEST_MS = 600
"""One word alone is said so long: a shorter sound may be a cough."""


@pytest.fixture(autouse=True)
def _voice_is_any_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted_ears(monkeypatch)


async def _waits(caller: Caller) -> None:
    await caller.bot_finished()


def _step(turn: Turn) -> Step | None:
    match turn:
        case Says(text):
            return says(text, max(WORD_MS, SHORTEST_MS // len(text.split())))
        case Keys(keys):
            return keyed(keys)
        case Stays():
            return _waits
    return None


def play(conversation: Conversation, folder: Path) -> Held:
    bench = hotline(folder, conversation.language, conversation.directory)
    steps = [step for turn in conversation.turns if (step := _step(turn))]
    steps += [hangs_up()] if conversation.ends == "the caller hangs up" else []
    return hold(bench, *steps, variables={"VOICEBOT_ANI": conversation.ani})


def misheard(conversation: Conversation, held: Held) -> list[str]:
    """What the bot should have said and did not, before the caller's next turn."""
    said: list[list[str]] = [[]]
    for _, event in held.record.lines:
        match event:
            case CallerSpoke():
                said.append([])
            case DigitPressed() if said[-1]:
                said.append([])
            case BotSpoke(text=text):
                said[-1].append(text)
            case _:
                pass
    found, at = [], 0
    for turn in conversation.turns:
        if not isinstance(turn, Hears):
            at += not isinstance(turn, Stays)
            continue
        heard = " ".join(said[at]).lower() if at < len(said) else ""
        found += [f"turn {at}: '{text}' is not in '{heard}'" for text in turn.texts if text.lower() not in heard]
    return found


def ended(held: Held) -> str:
    reasons = held.record.of(HandoverDecided)
    if reasons:
        return f"with a person, {reasons[0].reason}"
    return "with the bot" if held.record.sealed_by == "bot" else "the caller hangs up"


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda conversation: f"{conversation.language}: {conversation.title}")
def test_conversation(conversation: Conversation, tmp_path: Path) -> None:
    held = play(conversation, tmp_path)
    assert misheard(conversation, held) == [], "\n".join(held.story)
    assert ended(held) == conversation.ends, "\n".join(held.story)
    assert held.done
    assert held.wrongs() == []


def test_there_are_enough_of_them() -> None:
    count = Counter(conversation.language for conversation in CONVERSATIONS)
    assert count["en"] >= 30
    assert count["zh"] >= 10
    assert len({(conversation.language, conversation.title) for conversation in CONVERSATIONS}) == len(CONVERSATIONS)
