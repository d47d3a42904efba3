"""Alert rules and dashboard: every metric that they name is one that voicebot gives, with labels that it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from voicebot.metrics import Metrics
from voicebot.testbed.probe import Probed, figures

FOLDER = Path(__file__).resolve().parents[2] / "scripts/monitoring"
METRIC = re.compile(r"\b((?:voicebot|process)_[a-z_]+|up)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r"([a-z]+)\s*(?:=~|!=|!~|=)")
GROUPING = re.compile(r"by \(([^)]*)\)")
GIVEN_BY_PROMETHEUS = {"job", "instance", "le"}


def told() -> dict[str, set[str]]:
    """Every sample voicebot gives with the labels it may have."""
    metrics = Metrics()
    for counter, label in (
        (metrics.refusals, "capacity"),
        (metrics.calls, "contained"),
        (metrics.renewals, "done"),
        (metrics.faults, "voice"),
    ):
        counter.labels(label).inc()
    metrics.observe_stage("total", 500)
    metrics.workers.labels("asr", "ready").set(1)
    probed = figures(Probed("100", "hours", 9.0, 4.0, 0.7, "hours"), 1.0)
    found = {"up": set[str]()}
    for registry in (metrics.registry, probed):
        for family in registry.collect():
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / "grafana.json").read_text(encoding="utf-8"))["panels"]
    return found


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_every_metric_that_is_named_is_given_with_these_labels(expression: str) -> None:
    given = told()
    named = METRIC.findall(expression)
    assert named
    for name, selector in named:
        assert name in given, f"{name} is no metric of voicebot"
        assert set(LABEL.findall(selector)) <= given[name] | GIVEN_BY_PROMETHEUS, name
    grouped = {label.strip() for labels in GROUPING.findall(expression) for label in labels.split(",")}
    assert grouped <= set().union(*(given[name] for name, _ in named)) | GIVEN_BY_PROMETHEUS


def test_a_name_that_is_not_given_would_be_found() -> None:
    assert "voicebot_umbrellas_total" not in told()
    assert METRIC.findall("rate(voicebot_umbrellas_total[5m])") == [("voicebot_umbrellas_total", "")]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "warn"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["action"]
    words = " ".join(rule["annotations"].values())
    labels = set(re.findall(r"\$labels\.([a-z]+)", words))
    assert labels <= set().union(*(told()[name] for name, _ in METRIC.findall(rule["expr"]))) | GIVEN_BY_PROMETHEUS
    assert rule["expr"].count("(") == rule["expr"].count(")")


def test_every_metric_of_our_own_is_watched_by_somebody() -> None:
    """A figure that nobody looks at is not worth its scrape."""
    seen = {name for expression in expressions() for name, _ in METRIC.findall(expression)}
    ends = ("_created", "_sum", "_count")
    ours = {name for name in told() if name.startswith("voicebot_") and not name.endswith(ends)}
    assert ours - seen <= {"voicebot_probe_duration_seconds"}


def test_the_panels_do_not_overlap_and_ask_the_chosen_prometheus() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
        assert panel["datasource"]["uid"] == "${datasource}"
        assert [target["refId"] for target in panel["targets"]] == [chr(65 + at) for at in range(len(panel["targets"]))]


def test_what_the_probe_writes_prometheus_reads() -> None:
    from prometheus_client import generate_latest

    registry: CollectorRegistry = figures(Probed("100", "hours", 9.0), 1.0)
    names = {family.name for family in text_string_to_metric_families(generate_latest(registry).decode())}
    assert names == {"voicebot_probe_success", "voicebot_probe_timestamp_seconds", "voicebot_probe_duration_seconds"}
