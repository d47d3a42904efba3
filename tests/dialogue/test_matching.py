"""The matcher finds the right entry in wordings it never saw, is unsure of everything else, and takes any text."""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue import knowledge, word_vectors
from voicebot.dialogue.knowledge import Entry
from voicebot.dialogue.matching import ACCEPT, CLARIFY, Matcher
from voicebot.dialogue.word_vectors import WordVectors

ROOT = Path(knowledge.__file__).parents[2]
BANKING = ROOT.parent / "shared" / "text" / "banking77" / "train.csv"

# Wordings that stand in no entry; none of these sentences may be copied into the knowledge base.
UNSEEN = """
bill-higher: the sum on my latest invoice is way above normal
bill-due-date: which day must the invoice be settled
late-fee: is something added to the invoice when the payment comes in late
payment-plan: may i pay what i owe in several smaller sums
autopay: i would like the invoice collected from my bank without doing anything
refund: how many days until you pay my money back
plan-change: i'd like to go to a less expensive tariff
data-left: how many gigs do i still have this month
data-pack: i'd like to order three additional gigabytes
roaming-on: i fly to portugal on monday how do i get my mobile ready for it
roaming-cost: what would surfing in brazil cost me
international-calls: what's the price of ringing a number in canada from home
sim-lost: a thief took my mobile at the station please block everything
sim-swap: my sim chip is damaged send me a replacement
esim: how can i have an electronic sim in my new phone
puk: i mistyped the pin and need the puk
sim-activate: the new sim that came by post must be activated
port-in: i am with a competitor and would like to bring my number over to you
port-out: which code does my next provider need so that i keep my number
contract-cancel: i would like to terminate my contract
termination-fee: how expensive is it to leave before my contract has ended
contract-end: how many more months does my contract run
phone-upgrade: i would like a newer phone with my contract
phone-repair: the glass of my phone is shattered do you repair that
phone-unlock: please unlock my handset so it takes sims from other networks
coverage: will there be reception in the village we want to live in
no-signal: since this morning my mobile has no service whatsoever
call-quality: calls keep cutting off while i am talking
outage: does the network have an outage in our part of town
slow-internet: the broadband at home is awfully slow in the evenings
router-restart: how should i restart the router at home
wifi-password: where is the password for my wifi
wifi-weak: the wifi is too weak in the upstairs bedroom
moving-house: we are moving to a new house and want our internet there
technician: at what time is your technician coming to my house
voicemail-pin: i don't know the pin of my voicemail any longer
call-forwarding: please tell me how to forward my calls to a landline
block-spam: how do i block a number that keeps calling me
caller-id: i would like my number hidden when calling
five-g: can my contract use five g
hotspot: i want my laptop to use my phone's hotspot
opening-hours: at what hour does your shop open on saturdays
store-locations: which of your shops is nearest to me
complaint: i would like to lodge a complaint about your service
family-plan: can i put my daughter on a family plan
student-discount: i am a student is there a discount for me
parental-control: i want to block adult sites on my child's phone
spending-cap: is there a way to set a limit on my monthly spending
premium-sms: how do i block those expensive premium text services
address-change: i need my postal address updated
name-change: i've got a new surname after my wedding
owner-change: i'd like my brother to become the owner of my contract
app-login: the app rejects my password when i log in
top-up: i'd like to top up my prepaid card
""".strip().splitlines()

ELSEWHERE = """
how warm will it get tomorrow
sing something for me
how do i grill a steak
which horse won the race
my cow is ill
who invented the steam engine
what is the square root of nine
i'd like to reserve a seat in the theatre
mumble mumble
the sofa stands beside the piano
how long is the river nile
""".strip().splitlines()


@pytest.fixture(scope="module")
def entries() -> tuple[Entry, ...]:
    return knowledge.load(ROOT / "voicebot" / "demo" / "kb").language("en")


@pytest.fixture(scope="module")
def meaning(tmp_path_factory: pytest.TempPathFactory) -> WordVectors:
    found = word_vectors.english(tmp_path_factory.mktemp("words"))
    assert found, "pocketsphinx brings the model they are made of"
    return found


@pytest.fixture(scope="module")
def matcher(entries: tuple[Entry, ...], meaning: WordVectors) -> Matcher:
    return Matcher.build(entries, meaning)


def small_entry(entry_id: str, questions: Sequence[str], language: str = "en") -> Entry:
    return Entry(entry_id, language, questions[0], (), None, tuple(questions), questions[-1], questions[0])


def test_unseen_wordings_find_their_entry_with_confidence(matcher: Matcher, entries: tuple[Entry, ...]) -> None:
    asked = [line.split(": ") for line in UNSEEN]
    known = {question for entry in entries for question in entry.questions}
    assert not known & {question for _, question in asked}
    found = [matcher.match(question)[0] for _, question in asked]
    right = [match.entry_id == wanted and match.confidence >= ACCEPT for match, (wanted, _) in zip(found, asked, strict=True)]
    wrong = [(match, line) for match, good, line in zip(found, right, UNSEEN, strict=True) if not good]
    assert len(wrong) <= len(UNSEEN) // 10, wrong


def test_every_example_question_finds_its_own_entry(matcher: Matcher, entries: tuple[Entry, ...]) -> None:
    wrong = [(q, entry.id) for entry in entries for q in entry.questions if matcher.match(q, 1)[0].entry_id != entry.id]
    assert len(wrong) <= 3, wrong


def test_other_topics_are_not_answered(matcher: Matcher) -> None:
    surest = [(matcher.match(question)[0], question) for question in ELSEWHERE]
    assert sum(match.confidence >= ACCEPT for match, _ in surest) <= 1, surest
    assert sum(match.confidence >= CLARIFY for match, _ in surest) <= len(ELSEWHERE) // 3, surest


def test_a_lost_word_or_two_do_not_hide_the_question(matcher: Matcher) -> None:
    dice = random.Random(7)
    right = 0
    for line in UNSEEN:
        wanted, question = line.split(": ")
        heard = question.split()
        for _ in range(2):
            heard.pop(dice.randrange(len(heard)))
        right += wanted in [match.entry_id for match in matcher.match(" ".join(heard), 2)]
    assert right >= 0.85 * len(UNSEEN)


@pytest.mark.parametrize(
    ("heard", "wanted"),
    [
        ("how do i set up my voice mail", "voicemail-setup"),
        ("how do i set up my VOICEMAIL?", "voicemail-setup"),
        ("do you have 5G", "five-g"),
        ("do you have five g", "five-g"),
        ("the wi-fi password please", "wifi-password"),
        ("the wi fi password please", "wifi-password"),
        ("can I tether my laptop", "hotspot"),
        ("fiber installation", "fibre-install"),
    ],
)
def test_spellings_of_one_thing_are_one_thing(matcher: Matcher, heard: str, wanted: str) -> None:
    assert matcher.match(heard, 1)[0].entry_id == wanted


@pytest.mark.parametrize("text", ["", "   ", "?!", "…"])
def test_no_words_match_nothing(matcher: Matcher, text: str) -> None:
    assert matcher.match(text) == ()


def test_unknown_words_alone_are_never_accepted(matcher: Matcher) -> None:
    assert all(match.confidence < CLARIFY for match in matcher.match("zxqv wrgl mpft"))


@given(text=st.text(max_size=60), top=st.integers(1, 5))
def test_any_text_gives_ordered_confidences(matcher: Matcher, text: str, top: int) -> None:
    found = matcher.match(text, top)
    confidences = [match.confidence for match in found]
    assert confidences == sorted(confidences, reverse=True)
    assert all(0 <= confidence <= 1 for confidence in confidences)
    assert len({match.entry_id for match in found}) == len(found) <= top
    assert "" not in {match.entry_id for match in found}


def test_two_close_entries_come_first_and_second(matcher: Matcher) -> None:
    first, second = matcher.match("the pin", 2)
    assert {first.entry_id, second.entry_id} == {"puk", "voicemail-pin"}


def test_building_twice_gives_the_same_figures(entries: tuple[Entry, ...], meaning: WordVectors, matcher: Matcher) -> None:
    assert Matcher.build(entries, meaning).match("my bill is too high") == matcher.match("my bill is too high")


def test_more_entries_than_asked_for_are_not_returned(matcher: Matcher) -> None:
    assert [len(matcher.match("roaming", top)) for top in (1, 2, 3)] == [1, 2, 3]


def test_a_single_entry_can_be_built_and_refuses_other_talk() -> None:
    matcher = Matcher.build([small_entry("hours", ["when are you open", "opening hours"])])
    (found,) = matcher.match("when do you open", 3)
    assert found.entry_id == "hours"
    assert found.confidence > ACCEPT
    assert matcher.match("tell me a story about rabbits")[0].confidence < CLARIFY


def test_mandarin_is_segmented_and_matched() -> None:
    entries = [
        small_entry("bill-due-date", ["账单什么时候到期", "最晚哪天交话费"], "zh"),
        small_entry("roaming-on", ["怎么开通国际漫游", "出国手机能用吗"], "zh"),
        small_entry("sim-lost", ["我的手机丢了", "手机卡被偷了怎么办"], "zh"),
    ]
    matcher = Matcher.build(entries)
    assert [matcher.match(text, 1)[0].entry_id for text in ("话费哪天到期", "我要出国想开漫游", "手机被偷了")] == [entry.id for entry in entries]
    assert matcher.match("明天会不会下雨")[0].confidence < ACCEPT


def test_a_language_without_tables_still_matches() -> None:
    entries = [small_entry("horaires", ["quand êtes-vous ouverts", "heures d'ouverture"], "fr"), small_entry("facture", ["où est ma facture"], "fr")]
    assert Matcher.build(entries).match("je cherche ma facture", 1)[0].entry_id == "facture"


def test_thousands_of_entries_are_told_apart() -> None:
    things, ways = [f"{a}{b}" for a in ("red", "blue", "green", "old") for b in range(300)], ("lost my {}", "where is the {}")
    matcher = Matcher.learn([way.format(thing) for thing in things for way in ways], [thing for thing in things for _ in ways], "en")
    for thing in (things[0], things[-1], "blue77"):
        first, second = matcher.match(f"i cannot find the {thing}", 2)
        assert first.entry_id == thing
        assert first.confidence > second.confidence


def test_no_entries_or_mixed_languages_are_refused(entries: tuple[Entry, ...]) -> None:
    with pytest.raises(ValueError, match="exactly one language, got none"):
        Matcher.build([])
    with pytest.raises(ValueError, match=r"got \['en', 'zh'\]"):
        Matcher.build([entries[0], replace(entries[1], language="zh")])


def test_a_question_takes_under_three_milliseconds(matcher: Matcher) -> None:
    times = []
    for line in UNSEEN * 3:
        start = time.process_time()
        matcher.match(line)
        times.append(time.process_time() - start)
    assert np.percentile(times, 95) < 0.003


@pytest.mark.skipif(not BANKING.exists(), reason=f"needs the banking77 corpus at {BANKING.relative_to(ROOT.parent)} beside the repository")
def test_ten_examples_a_class_of_banking_questions(meaning: WordVectors) -> None:
    with BANKING.open(encoding="utf-8") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    random.Random(1).shuffle(rows)
    by_label: dict[str, list[str]] = {}
    for text, label in rows:
        by_label.setdefault(label, []).append(text)
    shots = [(text, label) for label, texts in by_label.items() for text in texts[:10]]
    rest = [(text, label) for label, texts in by_label.items() for text in texts[10:25]]
    matcher = Matcher.learn([text for text, _ in shots], [label for _, label in shots], "en", meaning)
    assert np.mean([matcher.match(text, 1)[0].entry_id == label for text, label in rest]) >= 0.73
