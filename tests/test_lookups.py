"""The shell around the directory: digits are taken and never kept, nobody waits in silence, every fault of the directory is an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from tests.kit.clock import run_virtual
from tests.kit.customers import PEOPLE, ScriptedDirectory
from voicebot.dialogue.decisions import Line, Lookup, Pressed, Silent, Told
from voicebot.dialogue.errand import Checked, Errand, Fetched, Known, Located, LookupFailed
from voicebot.lookups import LIMIT_S, Lookups, kept
from voicebot.privacy.redact import MARK
from voicebot.store.events import Event, LookedUp
from voicebot.values import Digit, NoAudio, Silence, Transcript, Utterance

T = TypeVar("T")
PERSON = PEOPLE[0]
PIN = Errand(asking="pin", customer="c0")
NUMBER = Errand(asking="number")
VERIFIED = Errand(customer="c0", verified=True)


class World:
    """Lookups with a directory that may fail, and what they said and wrote."""

    def __init__(self, trouble: str = "", ani: str = PERSON.phone, directory: Any = "the demo's") -> None:
        self.said: list[str] = []
        self.written: list[Event] = []
        self.directory = ScriptedDirectory(trouble) if directory == "the demo's" else directory
        self.lookups = Lookups(self.directory, ani, self._say, self.written.append, lambda _account: "data-pack")

    async def _say(self, lines: tuple[Line, ...]) -> bool:
        self.said += [line.sentence for line in lines if isinstance(line, Told)]
        await asyncio.sleep(1)
        return True


def done(act: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        return await act()

    return run_virtual(main())


def words(text: str) -> Utterance:
    return Utterance(0, 900, Transcript(text, 0.9))


def keyed(world: World, keys: str, errand: Errand) -> list[Any]:
    async def main() -> list[Any]:
        return [await world.lookups.proof(Digit(key, 0), errand) for key in keys]

    return done(main)


def test_keys_are_whole_with_the_last_and_only_then_compared() -> None:
    world = World()
    assert keyed(world, PERSON.pin, PIN) == [None, None, None, Checked(True)]
    assert keyed(world, "0000", PIN)[-1] == Checked(False)
    assert keyed(world, "99*" + PERSON.pin, PIN)[-1] == Checked(True)
    assert world.directory.asked == ["check"] * 3


def test_a_hash_ends_too_few_digits_and_silence_drops_them() -> None:
    world = World()
    assert keyed(world, "48#", PIN)[-1] == Checked(False, whole=False)
    keyed(world, "48", PIN)
    assert done(lambda: world.lookups.proof(Silence(6_000), PIN)) == Checked(False, whole=False)
    assert keyed(world, PERSON.pin, PIN)[-1] == Checked(True)
    assert done(lambda: world.lookups.proof(Silence(6_000), PIN)) == Silence(6_000)


def test_one_zero_and_then_nothing_is_the_key_for_a_person() -> None:
    world = World()
    keyed(world, "0", PIN)
    assert done(lambda: world.lookups.proof(Silence(6_000), PIN)) == Pressed("0")
    keyed(world, "*", PIN)
    assert done(lambda: world.lookups.proof(Silence(6_000), PIN)) == Silent(6_000)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("four eight two one", Checked(True)),
        ("it is four eight two one thanks", Checked(True)),
        ("nine nine nine nine", Checked(False)),
        ("four eight two", Checked(False, whole=False)),
        ("four eight two one one", Checked(False, whole=False)),
        ("i forgot it", words("i forgot it")),
        ("no one told me", words(f"no {MARK} told me")),
    ],
)
def test_spoken_digits(said: str, heard: Any) -> None:
    assert done(lambda: World().lookups.proof(words(said), PIN)) == heard


def test_a_customer_number_finds_who_it_is() -> None:
    assert keyed(World(), PERSON.number, NUMBER)[-1] == Known("c0")
    assert keyed(World(), "99999999", NUMBER)[-1] == Known("")


def test_other_sounds_stay_what_they_are() -> None:
    assert done(lambda: World().lookups.proof(NoAudio(1), PIN)) == NoAudio(1)


def test_each_question_has_its_answer() -> None:
    world = World()
    assert done(lambda: world.lookups.fetched(Lookup("customer"), Errand())) == Known("c0")
    assert done(lambda: world.lookups.fetched(Lookup("account"), VERIFIED)) == Fetched(PERSON.account, "data-pack")
    located = done(lambda: world.lookups.fetched(Lookup("place", words="riverside"), Errand()))
    assert isinstance(located, Located)
    assert done(lambda: World(ani="").lookups.fetched(Lookup("customer"), Errand())) == Known("")
    assert [event.what for event in world.written if isinstance(event, LookedUp)] == ["customer", "account", "place"]
    assert world.said == []


def test_the_account_is_fetched_once_and_only_for_who_is_verified() -> None:
    world = World()
    for _ in range(2):
        done(lambda: world.lookups.fetched(Lookup("account"), VERIFIED))
    assert world.directory.asked == ["account"]
    assert done(lambda: world.lookups.fetched(Lookup("account"), PIN)) == LookupFailed("nobody has proved who he is")


@pytest.mark.parametrize("trouble", ["down", "garbage"])
def test_a_directory_that_fails_is_an_answer_and_journalled(trouble: str) -> None:
    world = World(trouble)
    failed = done(lambda: world.lookups.fetched(Lookup("customer"), Errand()))
    assert isinstance(failed, LookupFailed)
    assert trouble in failed.why
    [event] = world.written
    assert isinstance(event, LookedUp)
    assert trouble in event.failed
    assert isinstance(keyed(world, PERSON.pin, PIN)[-1], LookupFailed)


def test_a_slow_directory_is_never_silence() -> None:
    world = World("slow")
    assert isinstance(done(lambda: world.lookups.fetched(Lookup("customer"), Errand())), LookupFailed)
    assert world.said == ["one_moment", "still_looking"]
    [event] = world.written
    assert isinstance(event, LookedUp)
    assert event.took_ms <= LIMIT_S * 1000 + 1


def test_what_is_to_be_said_is_said_meanwhile() -> None:
    world = World()
    lookup = Lookup("account", (Told("bill_is", ("a", "b")),))
    assert isinstance(done(lambda: world.lookups.fetched(lookup, VERIFIED)), Fetched)
    assert world.said == ["bill_is"]


def test_without_a_directory_nothing_can_be_looked_up() -> None:
    world = World(directory=None)
    assert isinstance(done(lambda: world.lookups.fetched(Lookup("customer"), Errand())), LookupFailed)
    assert isinstance(keyed(world, PERSON.pin, PIN)[-1], LookupFailed)


def test_no_digit_is_kept() -> None:
    assert kept(Digit("4", 7)) == Digit("x", 7)
    assert kept(words("my pin is four 8 二")) == words(f"my pin is {MARK}")
    assert kept(Silence(3)) == Silence(3)
