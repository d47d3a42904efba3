"""Calls as they are told: what the caller does, what the record then says, how it ends, what Asterisk was asked. Here: all that goes well.

`troubled.py` has the calls in which something does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.asterisk import CALLER
from tests.kit.bot import Bench, menu_sentences
from tests.kit.conversation import QUEUED, Caller, Held, Step, coughs, goes_on, hangs_up, hold, interrupts, keyed, presses, says
from tests.kit.customers import PEOPLE
from tests.kit.speech import NOISE
from voicebot.dialogue import telling

WHEN, BILL = "when are you open", "where do i find my bill"
ANSWER, BILL_ANSWER = "bot, answer: we are open from eight to six", "bot, answer: the bill is in the app"

GREETED = ["answered", "bot, greeting: greeting", "notice given"]
ASKED_WHEN = [f"caller: {WHEN}", "decided Reply: matched opening-hours 0.95"]
ANSWERED = [*ASKED_WHEN, ANSWER]
ASKED_WHICH = [
    *["caller: my bill", "decided Clarify: matched bill-copy 0.50, bill-higher 0.45"],
    "bot, clarify: do you mean a copy of your bill or a higher bill",
]
MENU_READ = [f"bot, menu: {sentence}" for sentence in menu_sentences()]
GONE = ["caller hung up"]
ASKED_PIN = f"bot, prompt: {telling.load('en').fill('ask_pin')}"
MEDIA_LOST = ["fault, call: Asterisk closed the media socket"]
RECOGNISER_LOST = "fault, recogniser: recogniser worker ended with status -11"

BRIEFED = ["set VOICEBOT_QUEUE=support", "set VOICEBOT_PRIORITY=0", "set VOICEBOT_BRIEFING=/briefings/c1", QUEUED]
URGENT = ["set VOICEBOT_QUEUE=support", "set VOICEBOT_PRIORITY=20", "set VOICEBOT_BRIEFING=/briefings/c1", QUEUED]
HUNG_UP = [f"hang up {CALLER}"]


def to_queue(reason: str, words: str = "connecting sorry") -> list[str]:
    return [f"handover to support: {reason}", f"bot, handover: {words}"]


def same(_bench: Bench) -> None: ...


@dataclass(frozen=True)
class Tale:
    """One call: what the caller does, what the record says, how it ends, and what Asterisk was asked between opening and taking down."""

    title: str
    acts: Sequence[Step]
    story: Sequence[str]
    ending: str
    asked: Sequence[str] | None = ()
    """None for a call that never was opened or could not be taken down."""
    how: tuple[tuple[str, Any], ...] = ()
    """How this hotline differs from the usual one."""
    where: tuple[tuple[str, Any], ...] = ()
    """How this Asterisk does."""
    bend: Callable[[Bench], None] = same
    """What is wrong with the bot before the call."""

    def hold(self, folder: Path, quick: bool = False, bend: Callable[[Bench], None] = same, **world: Any) -> Held:
        """Let it happen; `world` and `bend` are what befalls it beyond what is told."""
        bench = Bench(folder, quick=quick, **dict(self.how))
        self.bend(bench)
        bend(bench)
        return hold(bench, *self.acts, **{**dict(self.where), **world})


def stops_sending(caller: Caller) -> None:
    caller.line.sends = False


def closes_media(caller: Caller) -> None:
    caller.line.close()


def puts_phone_down(caller: Caller) -> None:
    caller.asterisk.hang_up()


TALES = (
    # Questions and answers.
    Tale(
        "a routine question is answered, and the caller says goodbye",
        [says(WHEN), says("no thanks goodbye")],
        [*GREETED, *ANSWERED, "caller: no thanks goodbye", "decided EndCall: the caller is done", "bot, goodbye: goodbye"],
        "contained by bot",
        HUNG_UP,
    ),
    Tale(
        "words said over the greeting are kept and answered, and the notice is given whole",
        [interrupts(WHEN, 500), hangs_up()],
        [*GREETED, *ANSWERED, *GONE],
        "contained by caller",
    ),
    Tale(
        "two close questions are told apart by one question back",
        [says("my bill"), says("the first one"), says("thanks"), says("no that's all")],
        [
            *GREETED,
            *ASKED_WHICH,
            *["caller: the first one", "decided Reply: chose between two", BILL_ANSWER],
            *["caller: thanks", "decided Reply: acknowledged", "bot, prompt: anything else"],
            *["caller: no that's all", "decided EndCall: the caller is done", "bot, goodbye: goodbye"],
        ],
        "contained by bot",
        HUNG_UP,
    ),
    Tale(
        "a key chooses between two questions as well",
        [says("my bill"), presses("2"), hangs_up()],
        [
            *GREETED,
            *ASKED_WHICH,
            *["caller presses 2", "decided Reply: pressed 2 to choose", "bot, answer: calls abroad cost extra", *GONE],
        ],
        "contained by caller",
    ),
    Tale(
        "a yes said over the question back is its answer, not a murmur",
        [says("my bill"), interrupts("yes", 300), hangs_up()],
        [
            *GREETED,
            *["caller: my bill", "decided Clarify: matched bill-copy 0.50, bill-higher 0.45", "caller speaks over the bot: taken"],
            "bot, clarify: do you mean a copy of your bill or a higher bill (cut)",
            *["caller: yes", "decided Reply: chose between two", BILL_ANSWER, *GONE],
        ],
        "contained by caller",
    ),
    Tale(
        "an answer is said again when asked for",
        [says(WHEN), says("say that again"), hangs_up()],
        [*GREETED, *ANSWERED, "caller: say that again", "decided Reply: asked to repeat", ANSWER, *GONE],
        "contained by caller",
    ),
    Tale(
        "a short pause inside a question does not end it",
        [says("when"), goes_on("are you open", 300), hangs_up()],
        [*GREETED, *ANSWERED, *GONE],
        "contained by caller",
    ),
    Tale(
        "a bang without words is not a turn",
        [says(NOISE, 300), goes_on(WHEN, 1_500), hangs_up()],
        [*GREETED, *ANSWERED, *GONE],
        "contained by caller",
    ),
    # Speaking over the bot.
    Tale(
        "the caller interrupts the answer and is answered",
        [says(WHEN), interrupts(BILL, 1_500), hangs_up()],
        [
            *[*GREETED, *ASKED_WHEN, "caller speaks over the bot: taken", f"{ANSWER} (cut)"],
            *[f"caller: {BILL}", "decided Reply: matched bill-copy 0.92", BILL_ANSWER, *GONE],
        ],
        "contained by caller",
    ),
    Tale(
        "a murmured okay is let go, and the bot goes on to the end",
        [says(WHEN), interrupts("okay", 1_500), hangs_up()],
        [*GREETED, *ASKED_WHEN, "caller speaks over the bot: resumed", ANSWER, *GONE],
        "contained by caller",
    ),
    Tale(
        "so is a cough",
        [says(WHEN), coughs(1_500), hangs_up()],
        [*GREETED, *ASKED_WHEN, "caller speaks over the bot: resumed", ANSWER, *GONE],
        "contained by caller",
    ),
    # To a person.
    Tale(
        "who asks for a person is queued with a briefing",
        [says(WHEN), says("agent please")],
        [*GREETED, *ANSWERED, "caller: agent please", "decided HandOver: asked for a person", *to_queue("asked for a person", "connecting")],
        "followed",
        BRIEFED,
    ),
    Tale(
        "danger goes to a person at once, before others",
        [says("my house is on fire")],
        [
            *[*GREETED, "caller: my house is on fire", "decided HandOver: danger words: emergency"],
            *["handover to support: reports an emergency, urgent", "bot, handover: connecting emergency"],
        ],
        "followed",
        URGENT,
    ),
    Tale(
        "not understood twice goes to a person, with the reason",
        [says("banana pancakes today"), says("purple monkey dishwasher")],
        [
            *[*GREETED, "caller: banana pancakes today", "decided Reply: not understood, no match", "bot, prompt: say again"],
            *["caller: purple monkey dishwasher", "decided HandOver: not understood, no match; 2 times in a row"],
            *to_queue("was not understood"),
        ],
        "followed",
        BRIEFED,
    ),
    Tale(
        "the same question a third time goes to a person",
        [says(WHEN), says(WHEN), says(WHEN)],
        [
            *[*GREETED, *ANSWERED, f"caller: {WHEN}", "decided Reply: matched opening-hours 0.95, asked twice"],
            *["bot, prompt: again", "bot, answer: in short, we are open from eight to six", "bot, prompt: offer person"],
            *[f"caller: {WHEN}", "decided HandOver: matched opening-hours 0.95, asked 3 times", *to_queue("asked the same question again")],
        ],
        "followed",
        BRIEFED,
    ),
    # Other ways to be answered.
    Tale(
        "neither of the two was meant, and other words find the answer",
        [says("my bill"), says("no"), says(BILL), hangs_up()],
        [
            *[*GREETED, *ASKED_WHICH, "caller: no", "decided Reply: meant neither", "bot, prompt: other words"],
            *[f"caller: {BILL}", "decided Reply: matched bill-copy 0.92", BILL_ANSWER, *GONE],
        ],
        "contained by caller",
    ),
    Tale(
        "another question is no answer to the question back, and is answered",
        [says("my bill"), says(WHEN), hangs_up()],
        [*GREETED, *ASKED_WHICH, *ANSWERED, *GONE],
        "contained by caller",
    ),
    Tale(
        "the star key says it again, the hash key reads the menu",
        [says(WHEN), presses("*"), presses("#"), presses("2"), hangs_up()],
        [
            *[*GREETED, *ANSWERED, "caller presses *", "decided Reply: asked to repeat", ANSWER],
            *["caller presses #", "decided Reply: asked for the menu", *MENU_READ],
            *["caller presses 2", "decided Reply: pressed 2 in the menu", BILL_ANSWER, "bot, menu: menu after", *GONE],
        ],
        "contained by caller",
    ),
    Tale(
        "who asks twice is offered a person, and may accept",
        [says(WHEN), says(WHEN), says("yes")],
        [
            *[*GREETED, *ANSWERED, f"caller: {WHEN}", "decided Reply: matched opening-hours 0.95, asked twice"],
            *["bot, prompt: again", "bot, answer: in short, we are open from eight to six", "bot, prompt: offer person"],
            *["caller: yes", "decided HandOver: said yes to a person", *to_queue("accepted the offer of a person", "connecting")],
        ],
        "followed",
        BRIEFED,
    ),
    # Recording, and what the caller may refuse.
    Tale(
        "a call is recorded where the setting says so, and the notice tells it",
        [says(WHEN), hangs_up()],
        ["answered", "recording on", "bot, greeting: greeting", "notice given, recorded", *ANSWERED, *GONE],
        "contained by caller",
        how=(("recorded", True),),
    ),
    Tale(
        "who refuses the recording is recorded no more",
        [says("please do not record this call"), says("agent please")],
        [
            *["answered", "recording on", "bot, greeting: greeting", "notice given, recorded", "caller: please do not record this call"],
            *["decided Reply: opted out", "opted out of recording", "recording off", "bot, prompt: no recording", "bot, prompt: how can i help"],
            *["caller: agent please", "decided HandOver: asked for a person", *to_queue("asked for a person", "connecting")],
        ],
        "followed",
        BRIEFED,
        how=(("recorded", True),),
    ),
    Tale(
        "who refuses the analysis is told so, and answered all the same",
        [says("please do not analyse my voice"), says(WHEN), hangs_up()],
        [
            *[*GREETED, "caller: please do not analyse my voice", "decided Reply: opted out", "opted out of analysis"],
            *["bot, prompt: no analysis", "bot, prompt: how can i help", *ANSWERED, *GONE],
        ],
        "contained by caller",
    ),
    # The caller's own account.
    Tale(
        "who proves who he is by key is told his bill, and no key is kept",
        [says("my bill"), keyed(PEOPLE[0].pin), says("agent please")],
        [
            *[*GREETED, "caller: my bill", "decided Lookup: wants bill", "looked up customer", "decided Verify: must prove who he is", ASKED_PIN],
            *[*["caller presses x"] * 4, "looked up proof", "decided Lookup: proved who he is", "looked up account", "decided Reply: told bill"],
            "bot, answer: Your February bill is $41.30, $16.30 more than the month before. That is because of $12.50 for roaming"
            " and $3.80 for calls abroad.",
            *["caller: agent please", "decided HandOver: asked for a person", *to_queue("asked for a person", "connecting")],
        ],
        "followed",
        BRIEFED,
        how=(("customers", True),),
        where=(("variables", {"VOICEBOT_ANI": PEOPLE[0].phone}),),
    ),
    # Mandarin.
    Tale(
        "the Mandarin hotline is led by keys",
        [presses("1"), presses("0")],
        [
            *[*GREETED, *MENU_READ, "caller presses 1", "decided Reply: pressed 1 in the menu", ANSWER, "bot, menu: menu after"],
            *["caller presses 0", "decided HandOver: pressed 0", *to_queue("asked for a person", "connecting")],
        ],
        "followed",
        BRIEFED,
        how=(("language", "zh"), ("menu", True)),
    ),
    Tale(
        "where a Mandarin recogniser is, it listens as well",
        [says("转人工")],
        [*GREETED, "caller: 转人工", "decided HandOver: asked for a person", *to_queue("asked for a person", "connecting")],
        "followed",
        BRIEFED,
        how=(("language", "zh"),),
    ),
)
