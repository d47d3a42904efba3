from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.desk.charts import HEIGHT, WIDTH, curve, gauge
from voicebot.handover.story import Felt

felt = st.builds(Felt, st.integers(0, 3_600_000), st.floats(0, 1), evidence=st.tuples(st.text()))


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - of our own making


def test_no_score_is_a_dash_and_an_empty_track() -> None:
    svg = gauge(None, "Anger")
    assert "–" in svg
    assert "filled" not in svg


@pytest.mark.parametrize(("score", "number", "level"), [(0.0, "0", None), (0.2, "20", "calm"), (0.5, "50", "tense"), (1.0, "100", "angry")])
def test_the_gauge_shows_the_number_in_its_colour(score: float, number: str, level: str | None) -> None:
    found = drawn(gauge(Felt(1, score), "Anger"))
    text = found.find("text")
    assert text is not None
    assert text.text == number
    filled = [path.get("class") for path in found.iter("path") if "filled" in (path.get("class") or "")]
    assert filled == ([f"filled {level}"] if level else [])


def test_the_arc_goes_from_left_over_the_top_to_right() -> None:
    ends = [re.findall(r"([\d.]+) ([\d.]+)$", path)[0] for path in re.findall(r'd="([^"]+)"', gauge(Felt(1, 0.5), ""))]
    assert ends == [("112.0", "60.0"), ("60.0", "8.0")]


@given(st.lists(felt, max_size=20), st.text(max_size=20))
def test_any_curve_is_well_formed_inside_its_frame_and_without_words_of_the_call(points: list[Felt], label: str) -> None:
    label = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd]", "", label)
    found = drawn(curve(sorted(points, key=lambda each: each.at_ms), label))
    assert len(list(found.iter("circle"))) == len(points)
    for dot in found.iter("circle"):
        assert 0 <= float(dot.get("cx", "-1")) <= WIDTH
        assert 0 <= float(dot.get("cy", "-1")) <= HEIGHT
    assert {child.tag for child in found} <= {"line", "polyline", "circle"}


def test_a_higher_anger_is_drawn_higher_and_a_later_one_further_right() -> None:
    first, second = drawn(curve((Felt(0, 0.1), Felt(5_000, 0.9)), "")).iter("circle")
    assert float(first.get("cx", "")) < float(second.get("cx", ""))
    assert float(first.get("cy", "")) > float(second.get("cy", ""))


def test_a_label_cannot_leave_its_quotes() -> None:
    assert drawn(gauge(None, '"><script>')).get("aria-label") == '"><script>'
