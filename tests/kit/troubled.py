"""Calls in which something goes wrong: nobody speaks, keys mean nothing, somebody hangs up, a part is lost, slow or refuses. Told as in `tales`."""

from __future__ import annotations

from tests.kit.bot import Bench
from tests.kit.conversation import QUEUED, Caller, at_once, hangs_up, happens, presses, says
from tests.kit.tales import (
    ANSWER,
    ANSWERED,
    ASKED_WHEN,
    ASKED_WHICH,
    BILL_ANSWER,
    BRIEFED,
    GONE,
    GREETED,
    HUNG_UP,
    MEDIA_LOST,
    MENU_READ,
    RECOGNISER_LOST,
    WHEN,
    Tale,
    closes_media,
    puts_phone_down,
    stops_sending,
    to_queue,
)
from voicebot.settings import Turns

PRESSED_0 = ["caller presses 0", "decided HandOver: pressed 0", *to_queue("asked for a person", "connecting")]
PERSON = ["caller: agent please", "decided HandOver: asked for a person"]


def deaf(bench: Bench) -> None:
    bench.recogniser.broken = True


def without_briefing(bench: Bench) -> None:
    bench.spool.troubles = {1: "fails"}


def loses_control(caller: Caller) -> None:
    caller.asterisk.disconnect()


def _cut(story: list[str]) -> list[str]:
    return [*story[:-1], f"{story[-1]} (cut)"]


async def gone_at_the_door(caller: Caller) -> None:
    await caller.until(lambda: bool(caller.asterisk.asked))
    caller.asterisk.hang_up()


TROUBLED = (
    # Keys.
    Tale(
        "key 0 in the greeting",
        [presses("0", 500)],
        [
            *["answered", "bot, greeting: greeting (cut)", "notice given"],
            *["caller presses 0", "decided HandOver: pressed 0", *to_queue("asked for a person", "connecting")],
        ],
        "followed",
        BRIEFED,
    ),
    Tale(
        "key 0 in an answer",
        [says(WHEN), presses("0", 500)],
        [
            *[*GREETED, *ASKED_WHEN, f"{ANSWER} (cut)"],
            *["caller presses 0", "decided HandOver: pressed 0", *to_queue("asked for a person", "connecting")],
        ],
        "followed",
        BRIEFED,
    ),
    Tale(
        "a hotline with a menu is led by keys",
        [presses("1"), presses("2"), hangs_up()],
        [
            *[*GREETED, *MENU_READ, "caller presses 1", "decided Reply: pressed 1 in the menu", ANSWER, "bot, menu: menu after"],
            *["caller presses 2", "decided Reply: pressed 2 in the menu", BILL_ANSWER, "bot, menu: menu after", *GONE],
        ],
        "contained by caller",
        how=(("menu", True),),
    ),
    Tale(
        "a language without a recogniser has the menu instead",
        [presses("1"), hangs_up()],
        [*GREETED, *MENU_READ, "caller presses 1", "decided Reply: pressed 1 in the menu", ANSWER, "bot, menu: menu after", *GONE],
        "contained by caller",
        how=(("hears", False),),
    ),
    Tale(
        "a menu key in the greeting is taken at once",
        [presses("2", 300), presses("0", 100)],
        [
            *["answered", "bot, greeting: greeting (cut)", "notice given"],
            *["caller presses 2", "decided Reply: pressed 2 in the menu", f"{BILL_ANSWER} (cut)"],
            *["caller presses 0", "decided HandOver: pressed 0", *to_queue("asked for a person", "connecting")],
        ],
        "followed",
        BRIEFED,
        how=(("menu", True),),
    ),
    Tale(
        "unknown keys bring the menu, then a person",
        [presses("9"), presses("9"), presses("8")],
        [
            *[*GREETED, "caller presses 9", "decided Reply: pressed 9", *MENU_READ],
            *["caller presses 9", "decided Reply: pressed unknown key 9", "bot, prompt: wrong key", *MENU_READ],
            *["caller presses 8", "decided HandOver: pressed unknown key 8; 2 in a row", *to_queue("pressed unknown keys")],
        ],
        "followed",
        BRIEFED,
    ),
    # Silence.
    Tale(
        "a silent caller is asked whether he is there, then queued",
        [],
        [
            *[*GREETED, "decided Reply: silent for 6000 ms", "bot, prompt: still there"],
            *["decided HandOver: silent for 6000 ms", *to_queue("stayed silent")],
        ],
        "followed",
        BRIEFED,
    ),
    Tale(
        "or told goodbye, where the setting says so",
        [],
        [
            *[*GREETED, "decided Reply: silent for 6000 ms", "bot, prompt: still there"],
            *["decided EndCall: silent for 6000 ms", "bot, goodbye: goodbye"],
        ],
        "abandoned by bot",
        HUNG_UP,
        how=(("turns", Turns(no_speech_then="end")),),
    ),
    Tale(
        "a line without any audio is asked once whether anybody is there, is ended, and never fills the queue",
        [happens(stops_sending)],
        [*GREETED, "decided Reply: silent for 6000 ms", "bot, prompt: still there", "decided EndCall: no audio arrives from the caller"],
        "abandoned by bot",
        HUNG_UP,
    ),
    Tale(
        "nor does one that falls dead in the greeting",
        [happens(stops_sending, after_ms=100)],
        [*GREETED, "decided Reply: silent for 6000 ms", "bot, prompt: still there", "decided EndCall: no audio arrives from the caller"],
        "abandoned by bot",
        HUNG_UP,
    ),
    # The caller hangs up.
    Tale(
        "in the greeting, before the notice was given",
        [hangs_up(after_ms=500)],
        ["answered", "bot, greeting: greeting (cut)", *GONE],
        "abandoned by caller",
    ),
    Tale(
        "in the middle of an answer", [says(WHEN), hangs_up(after_ms=500)], [*GREETED, *ASKED_WHEN, f"{ANSWER} (cut)", *GONE], "contained by caller"
    ),
    Tale("before the question was taken for over", [says(WHEN), at_once(puts_phone_down, 100)], [*GREETED, *GONE], "abandoned by caller"),
    Tale(
        "while he is being connected: nothing more is asked of Asterisk",
        [says("agent please"), hangs_up(after_ms=200)],
        [
            *[*GREETED, "caller: agent please", "decided HandOver: asked for a person"],
            *[*to_queue("asked for a person", "connecting (cut)"), *GONE],
        ],
        "abandoned by caller",
    ),
    # Asterisk lets us down.
    Tale(
        "the media socket is lost in an answer: to the queue",
        [says(WHEN), happens(closes_media, after_ms=500)],
        [*GREETED, *ASKED_WHEN, f"{ANSWER} (cut)", *MEDIA_LOST],
        "followed",
        [QUEUED],
    ),
    Tale(
        "the media channel ends while the bot listens: to the queue",
        [happens(lambda caller: caller.asterisk.end_media())],
        [*GREETED, *MEDIA_LOST],
        "followed",
        [QUEUED],
    ),
    Tale(
        "the media socket is lost while the caller is being connected: he is, without hearing so",
        [says("agent please"), happens(closes_media, after_ms=200)],
        [*GREETED, "caller: agent please", "decided HandOver: asked for a person", *to_queue("asked for a person", "connecting (cut)")],
        "followed",
        BRIEFED,
    ),
    Tale(
        "the control socket is lost in an answer: Asterisk moves the caller on",
        [says(WHEN), happens(loses_control, after_ms=500)],
        [*GREETED, *ASKED_WHEN, f"{ANSWER} (cut)", "fault, call: Asterisk closed the control connection"],
        "followed",
        None,
    ),
    Tale(
        "the control socket is lost while the caller is being connected",
        [says("agent please"), happens(loses_control, after_ms=200)],
        [
            *[*GREETED, *PERSON, *to_queue("asked for a person", "connecting (cut)")],
            "fault, call: Asterisk closed the control connection",
        ],
        "followed",
        None,
    ),
    Tale(
        "Asterisk opens no media socket: the caller goes on unanswered",
        [],
        ["fault, call: Asterisk opened no media socket within 3 s; see [serve] host and port"],
        "followed",
        None,
        where=(("media", False),),
    ),
    Tale("the caller is gone before he is answered", [gone_at_the_door], GONE, "abandoned by caller", None),
    Tale(
        "Asterisk takes a second for each request: all is as usual, later",
        [says(WHEN), says("agent please")],
        [*GREETED, *ANSWERED, *PERSON, *to_queue("asked for a person", "connecting")],
        "followed",
        BRIEFED,
        where=(("slow_s", 1.0),),
    ),
    # A part of ours lets us down.
    Tale(
        "the recogniser fails: the menu takes over, then a person",
        [says(WHEN), says(WHEN), says(WHEN)],
        [
            *[*GREETED, *[RECOGNISER_LOST, "decided Reply: the recogniser failed", *MENU_READ] * 2],
            *[RECOGNISER_LOST, "decided HandOver: the recogniser failed", *to_queue("could not be heard by the bot")],
        ],
        "followed",
        BRIEFED,
        bend=deaf,
    ),
    Tale(
        "a key still chooses when the recogniser is lost",
        [says(WHEN), presses("1", after_ms=100), hangs_up()],
        [
            *[*GREETED, RECOGNISER_LOST, "decided Reply: the recogniser failed", f"{MENU_READ[0]} (cut)"],
            *["caller presses 1", "decided Reply: pressed 1 in the menu", ANSWER, "bot, menu: menu after", *GONE],
        ],
        "contained by caller",
        bend=deaf,
    ),
    Tale(
        "the disk of the briefings is full: the caller is connected without one",
        [says("agent please")],
        [
            *[*GREETED, *PERSON, "handover to support: asked for a person"],
            *["fault, briefing: OSError: [Errno 28] No space left on device", "bot, handover: connecting"],
        ],
        "followed",
        [*BRIEFED[:2], BRIEFED[-1]],
        bend=without_briefing,
    ),
    # Key 0, whatever the bot is at.
    Tale("key 0 while the bot listens", [presses("0")], [*GREETED, *PRESSED_0], "followed", BRIEFED),
    Tale("key 0 at the question back", [says("my bill"), presses("0", 400)], [*GREETED, *_cut(ASKED_WHICH), *PRESSED_0], "followed", BRIEFED),
    Tale(
        "key 0 while the menu is read",
        [presses("#"), presses("0", 100)],
        [*GREETED, "caller presses #", "decided Reply: asked for the menu", f"{MENU_READ[0]} (cut)", *PRESSED_0],
        "followed",
        BRIEFED,
    ),
    Tale(
        "key 0 at the question whether he is there",
        [happens(lambda _: None), presses("0", 100)],
        [*GREETED, "decided Reply: silent for 6000 ms", "bot, prompt: still there (cut)", *PRESSED_0],
        "followed",
        BRIEFED,
    ),
    Tale(
        "key 0 while he speaks",
        [says(WHEN), at_once(lambda caller: caller.asterisk.press("0"), 60)],
        [*GREETED, *PRESSED_0],
        "followed",
        BRIEFED,
    ),
    Tale(
        "a key while he is being connected cuts the sentence, and no more",
        [says("agent please"), presses("0", 200)],
        [*GREETED, *PERSON, *to_queue("asked for a person", "connecting (cut)")],
        "followed",
        BRIEFED,
    ),
    Tale(
        "the caller hangs up while the bot says goodbye",
        [says("no thanks goodbye"), hangs_up(after_ms=200)],
        [*GREETED, "caller: no thanks goodbye", "decided EndCall: the caller is done", "bot, goodbye: goodbye (cut)"],
        "abandoned by bot",
        HUNG_UP,
    ),
)
