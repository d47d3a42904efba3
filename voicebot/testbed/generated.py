"""Records of calls that never were, as the journal would hold them: for figures of a full call log, and for looking at its pages. Pure; the same seed
gives the same calls. Each record keeps every invariant of `store/history.py`.

The questions are the knowledge base's own, the numbers from a range that is kept free for fiction, and nobody is named.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from voicebot.dialogue.entry import Entry
from voicebot.store.events import (
    AgentAnswered,
    AgentJoined,
    AgentLeft,
    AgentRang,
    AngerScored,
    BotSpoke,
    BriefingStarted,
    CallAnswered,
    CallerHungUp,
    CallerSpoke,
    CallSealed,
    CallStarted,
    Decided,
    Event,
    Fault,
    HandoverDecided,
    Line,
    NoticeGiven,
    Outcome,
    QueueEntered,
    QueueLeft,
    TurnMeasured,
    encode,
    tag,
)

PER_DAY = 2_000
"""Calls a day at most: fewer calls in all mean fewer days."""
BY_HOUR = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 18, 16, 14, 15, 16, 16, 15, 13, 10, 8, 6, 4, 2, 1)
"""How busy each hour of a day is."""
GREETING = {"en": "Welcome. I am a machine and listen to how you feel.", "zh": "您好，我是语音机器人，会分析您的情绪。"}
GOODBYE = {"en": "thanks that is all goodbye", "zh": "谢谢没有了再见"}
PERSON = {"en": "let me talk to a person please", "zh": "请帮我转人工"}
UNKNOWN = {
    "en": ("do you sell gift cards", "can i bring my dog into the shop", "who do i ask about a job", "is there a discount for students"),
    "zh": ("你们卖礼品卡吗", "学生有没有优惠", "你们招人吗", "可以带狗进店吗"),
}
CROSS = {"en": ("this is a joke", "i have asked you three times now", "you keep charging me"), "zh": ("太过分了", "我已经问了三遍了", "你们乱收费")}
ASKED_BACK = {"en": "Sorry, I did not understand that.", "zh": "抱歉，我没有听懂。"}
ENDS: dict[Outcome, int] = {"contained": 62, "handed_over": 25, "abandoned": 8, "failed": 2, "lost": 1}
AGENTS = ("6001", "6002", "6003")


@dataclass
class _Tape:
    """One record as it grows."""

    call_id: str
    begun: datetime
    now_ms: int = 0
    happened: list[tuple[int, Event]] = field(default_factory=list)

    def add(self, event: Event, after_ms: int = 0) -> None:
        self.now_ms += after_ms
        self.happened.append((self.now_ms, event))

    def lines(self) -> tuple[Line, ...]:
        at = [self.begun + timedelta(milliseconds=t_ms) for t_ms, _ in self.happened]
        return tuple(Line(self.call_id, seq, t_ms, at[seq], tag(event), encode(event)) for seq, (t_ms, event) in enumerate(self.happened))


def generated(number: int, seed: int, until_utc: datetime, entries: Sequence[Entry]) -> Iterator[tuple[Line, ...]]:
    """`number` records in the order of their beginning, the last days before `until_utc`; three in four are English where `entries` allow it."""
    drawn = random.Random(seed)
    days = max(1, number // PER_DAY)
    first = (until_utc - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    moments = sorted(_moment(drawn, first, until_utc, days) for _ in range(number))
    by_language = {language: [entry for entry in entries if entry.language == language] for language in GREETING}
    spoken = [language for language, share in (("en", 3), ("zh", 1)) for _ in range(share) if by_language[language]]
    for count, begun in enumerate(moments):
        language = drawn.choice(spoken)
        yield _call(drawn, f"g{seed}-{count:07d}", begun, language, by_language[language])


def _moment(drawn: random.Random, first: datetime, until: datetime, days: int) -> datetime:
    day = first + timedelta(days=drawn.randrange(days))
    hour = drawn.choices(range(24), BY_HOUR)[0]
    found = day.replace(hour=hour) + timedelta(milliseconds=drawn.randrange(3_600_000))
    return found if found < until - timedelta(hours=1) else found - timedelta(days=1)


def _call(drawn: random.Random, call_id: str, begun: datetime, language: str, entries: Sequence[Entry]) -> tuple[Line, ...]:
    tape = _Tape(call_id, begun)
    dnis = {"en": "100", "zh": "200"}[language]
    tape.add(CallStarted(f"+441632960{drawn.randrange(100_000):05d}", dnis, language, f"PJSIP/caller-{call_id}", begun, "generated"))
    outcome = drawn.choices(tuple(ENDS), tuple(ENDS.values()))[0]
    tape.add(CallAnswered(), 100)
    _say(tape, GREETING[language], "greeting")
    tape.add(NoticeGiven(False))
    anger = drawn.random() ** 4
    for _ in range(drawn.randint(1, 4)):
        anger = _turn(tape, drawn, language, drawn.choice(entries), anger)
    return _ended(tape, drawn, language, outcome, anger)


def _ended(tape: _Tape, drawn: random.Random, language: str, outcome: Outcome, anger: float) -> tuple[Line, ...]:
    if outcome == "contained":
        _hear(tape, GOODBYE[language])
        tape.add(Decided("EndCall", "the caller is done"))
        tape.add(CallerHungUp(), 1_500)
    elif outcome in ("handed_over", "abandoned"):
        upset = anger > 0.75
        _hear(tape, drawn.choice(CROSS[language]) if upset else PERSON[language])
        _feel(tape, anger, escalate=upset)
        reason = "is upset" if upset else drawn.choice(("asked for a person", "asked for a person", "was not understood", "has a complaint"))
        tape.add(Decided("HandOver", reason))
        _handed(tape, reason)
        _queue(tape, drawn, joins=outcome == "handed_over")
    elif outcome == "failed":
        tape.add(Fault("recogniser", "the worker ended"), 500)
    return _sealed(tape, outcome)


def _turn(tape: _Tape, drawn: random.Random, language: str, entry: Entry, anger: float) -> float:
    cross, unknown = drawn.random() < anger, drawn.random() < 0.12
    words = drawn.choice(UNKNOWN[language] if unknown else (CROSS[language] if cross else entry.questions))
    _hear(tape, words, drawn.uniform(0.4, 0.98))
    anger = min(1.0, max(0.0, anger + drawn.uniform(-0.1, 0.18)))
    _feel(tape, anger)
    took = [drawn.uniform(*limits) for limits in ((400, 950), (60, 240), (1, 9), (20, 120))]
    measured = TurnMeasured(took[0], took[1], took[2], took[3], sum(took))
    if unknown or cross:
        tape.add(Decided("Reply", f"not understood, best {entry.id} 0.31", confidence=0.31, alternatives=(entry.id,)), 40)
        tape.add(measured, round(measured.total_ms))
        _say(tape, ASKED_BACK[language], "prompt")
    else:
        tape.add(Decided("Reply", f"matched {entry.id} 0.9", entry.id, 0.9), 40)
        tape.add(measured, round(measured.total_ms))
        _say(tape, entry.short or entry.answer, "answer", entry.id)
    return anger


def _hear(tape: _Tape, words: str, confidence: float = 0.9) -> None:
    start = tape.now_ms + 600
    tape.add(CallerSpoke(words, round(confidence, 2), start, start + 60 * len(words)), 1_100 + 60 * len(words))


def _feel(tape: _Tape, anger: float, *, escalate: bool = False) -> None:
    loud = ("louder than before",) if anger > 0.5 else ()
    tape.add(AngerScored(round(anger, 3), voice=anger * 2, words=anger, escalate=escalate, evidence=loud))


def _say(tape: _Tape, words: str, kind: str, entry_id: str | None = None) -> None:
    start, length = tape.now_ms, 60 * len(words)
    tape.add(BotSpoke(words, kind, start, length, length, False, words, entry_id), length)  # type: ignore[arg-type]


def _handed(tape: _Tape, reason: str) -> None:
    tape.add(HandoverDecided(reason, "support", int(reason == "is upset"), f"Caller {reason}."))
    tape.add(QueueEntered("support"), 900)


def _queue(tape: _Tape, drawn: random.Random, *, joins: bool) -> None:
    tape.now_ms += round(drawn.expovariate(1 / 18_000))
    if not joins:
        tape.add(QueueLeft("support", "hung up"))
        tape.add(CallerHungUp())
        return
    agent = drawn.choice(AGENTS)
    for event, after_ms in ((AgentRang(agent), 0), (AgentAnswered(agent), 2_500), (BriefingStarted(agent), 20), (AgentJoined(agent), 4_500)):
        tape.add(event, after_ms)
    tape.add(AgentLeft(agent, "hung up"), round(drawn.uniform(40_000, 400_000)))


def _sealed(tape: _Tape, outcome: Outcome) -> tuple[Line, ...]:
    tape.add(CallSealed(outcome, "generated", tape.now_ms), 100)
    return tape.lines()
