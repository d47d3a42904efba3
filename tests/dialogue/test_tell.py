"""What is told of an account: every figure from the account, every sentence one that exists, in each language."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from voicebot.customers.demo import people
from voicebot.customers.directory import Account, Bill, Item, Outage, Place, Ticket
from voicebot.dialogue import telling
from voicebot.dialogue.decisions import Told
from voicebot.dialogue.errand import Topic, Want
from voicebot.dialogue.tell import day, money, month, outage, told, volume, which

PEOPLE = people(date(2026, 3, 14))
ROAMED, HOME, HEAVY, PAID = (person.account for person in PEOPLE[:4])
EMPTY = Account(ROAMED.customer, (), (), (), ())


def said(want: Want, account: Account, language: str = "en") -> str:
    lines = told(want, account, language)
    assert all(isinstance(line, Told) for line in lines)
    return " ".join(telling.load(language).fill(line.sentence, line.facts) for line in lines if isinstance(line, Told))


@pytest.mark.parametrize(
    ("want", "account", "words"),
    [
        (
            Want(Topic.BILL),
            ROAMED,
            "Your February bill is $41.30, $16.30 more than the month before. That is because of $12.50 for roaming and $3.80 for calls abroad.",
        ),
        (Want(Topic.BILL, back=1), ROAMED, "Your January bill is $25, the same as the month before."),
        (Want(Topic.BILL, month=12), ROAMED, "Your December bill is $25, the same as the month before."),
        (Want(Topic.BILL), PAID, "Your February bill is $20, $5 less than the month before."),
        (Want(Topic.BILL, back=5), ROAMED, "Your September bill is $25."),
        (Want(Topic.BILL, month=5), ROAMED, "I see no bill for that month."),
        (Want(Topic.BILL, back=9), ROAMED, "I see no bill for that month."),
        (Want(Topic.DUE), ROAMED, "Your February bill of $41.30 is due on 28 March."),
        (Want(Topic.DUE), PAID, "Your February bill of $20 is paid."),
        (Want(Topic.DUE), EMPTY, "I see no bill for that month."),
        (Want(Topic.PLAN), ROAMED, "Your mobile plan has 20 GB of data and costs $25 a month."),
        (Want(Topic.PLAN, plan="home"), HOME, "Your home internet is unlimited and costs $40 a month."),
        (Want(Topic.PLAN, plan="home"), ROAMED, "Your mobile plan has 20 GB of data and costs $25 a month."),
        (Want(Topic.DATA), HEAVY, "You have 300 MB of your 10 GB left this month."),
        (Want(Topic.DATA), EMPTY, "I see no mobile data on your account."),
        (Want(Topic.TICKET), HOME, "For your repair ticket of 11 March a technician comes on 16 March."),
        (Want(Topic.TICKET), ROAMED, "I see no open ticket on your account."),
    ],
)
def test_told_in_english(want: Want, account: Account, words: str) -> None:
    assert said(want, account) == words


def test_told_in_mandarin() -> None:
    assert said(Want(Topic.BILL), ROAMED, "zh") == "您2月的账单是41.30元，比上一个月多16.30元，因为漫游费12.50元和国际通话费3.80元。"
    assert said(Want(Topic.DATA), HEAVY, "zh") == "您本月还剩300MB流量，一共10GB。"
    assert said(Want(Topic.TICKET), HOME, "zh") == "您3月11日的维修工单，技术员3月16日上门。"


@pytest.mark.parametrize("topic", [topic for topic in Topic if topic is not Topic.OUTAGE])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("person", PEOPLE[:20], ids=lambda person: str(person.phone))
def test_every_account_has_an_answer_to_every_topic(topic: Topic, language: str, person: object) -> None:
    account = getattr(person, "account")  # noqa: B009
    assert said(Want(topic), account, language)


def test_a_discount_that_ended_is_a_reason_and_an_unknown_item_has_words() -> None:
    before, now = Bill(date(2026, 1, 1), date(2026, 2, 28), True, (Item("mobile", 2_500), Item("discount", -500))), ROAMED.bills[1]
    now = replace(now, items=(Item("mobile", 2_500), Item("novelty", 100)))  # type: ignore[arg-type]
    words = said(Want(Topic.BILL), replace(ROAMED, bills=(now, before)))
    assert "$5 because a discount ended and $1 for other charges" in words


@pytest.mark.parametrize("status", ["open", "in_progress", "solved", "visit_booked"])
def test_every_status_of_a_ticket_has_words(status: str) -> None:
    ticket = Ticket("t", "refund", status, date(2026, 3, 1))  # type: ignore[arg-type]
    assert "refund ticket of 1 March" in said(Want(Topic.TICKET), replace(ROAMED, tickets=(ticket,)))


def test_an_outage_and_none() -> None:
    since = datetime(2026, 3, 14, 9, tzinfo=UTC)
    en, zh = telling.load("en"), telling.load("zh")
    until = outage(Place("Riverside", Outage("Riverside", since, since.replace(hour=18))), "en")
    assert isinstance(until, Told)
    assert en.fill(until.sentence, until.facts) == "There is an outage in Riverside since 9 am. It should be over by 6 pm."
    unknown = outage(Place("Riverside", Outage("Riverside", since.replace(hour=0), None)), "en")
    assert isinstance(unknown, Told)
    assert "since 12 am. We do not know" in en.fill(unknown.sentence, unknown.facts)
    none = outage(Place("Northgate", None), "zh")
    assert isinstance(none, Told)
    assert zh.fill(none.sentence, none.facts) == "没有查到北门有故障。"


def test_several_plans_are_asked_about_and_one_kind_is_not() -> None:
    assert which(Want(Topic.PLAN), HOME)
    assert not which(Want(Topic.PLAN, plan="home"), HOME)
    assert not which(Want(Topic.PLAN), ROAMED)
    assert not which(Want(Topic.DATA), HOME)


def test_figures_as_they_are_written() -> None:
    assert [money(cents, "en") for cents in (0, 5, 1_650, -500, 100_000)] == ["$0", "$0.05", "$16.50", "$5", "$1000"]
    assert money(1_650, "zh") == "16.50元"
    assert [volume(mb, "en") for mb in (0, 300, 2_500, 20_000)] == ["0 MB", "300 MB", "2.5 GB", "20 GB"]
    assert (day(date(2026, 3, 8), "en"), day(date(2026, 3, 8), "zh")) == ("8 March", "3月8日")
    assert (month(date(2026, 12, 1), "en"), month(date(2026, 12, 1), "zh")) == ("December", "12月")
