"""Matchers as calls have them, each made once."""

from __future__ import annotations

from voicebot.dialogue.embedding import embedding
from voicebot.dialogue.entry import Entry
from voicebot.dialogue.matching import Matcher
from voicebot.learning.matchers import learning
from voicebot.settings import Settings

HOURS = Entry("hours", "en", "opening hours", (), None, ("when are you open",), "We are open from nine to five.", "Nine.")
BILL = Entry("bill", "en", "a bill", (), None, ("how do i pay",), "In the app.", "App.")


def test_it_answers_as_the_calls_do() -> None:
    settings = Settings()
    ours = learning(settings)("en")([HOURS, BILL])
    theirs = Matcher.build([HOURS, BILL], embedding("en", settings))
    assert ours.match("are you open on sunday") == theirs.match("are you open on sunday")
    assert ours.match("are you open on sunday") == theirs.match("are you open on sunday"), "the second time too"


def test_the_same_entries_are_learnt_once() -> None:
    learn = learning(Settings())
    assert learn("en")([HOURS, BILL]) is learn("en")((HOURS, BILL))
    assert learn("en")([HOURS]) is not learn("en")([BILL])
