"""Objectives: what is understood, what passes, and in which order a run fails."""

from __future__ import annotations

import pytest

from loadtest import objectives, results
from loadtest.histogram import Histogram
from loadtest.objectives import Figures, evaluate, gather, parse


def figures(**numbers: float) -> Figures:
    deliver = Histogram()
    for ms in range(1, 1001):
        deliver.record(ms * 1000)
    fine = {"loss": 0.0, "repeats": 0.0, "order": 0.0, "foreign": 0.0}
    return Figures(fine | {k.replace("__", "."): v for k, v in numbers.items()}, {"deliver": deliver, "connect.tls": Histogram()})


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("deliver.p50<520ms", True),
        ("deliver.p99<900ms", False),
        ("deliver.p99.9 <= 1.1s", True),
        ("deliver.max<2s", True),
        ("deliver.mean>2s", False),
        ("loss==0", True),
        ("connect.fail<0.1%", True),
        ("connect.fail>=1%", False),
        ("connect.tls.p99<1s", False),
        ("nothing<1", False),
    ],
)
def test_expressions(text: str, passes: bool) -> None:
    (outcome,) = evaluate([parse(text)], figures(connect__fail=0.0005))
    assert outcome.passed is passes


@pytest.mark.parametrize("text", ["", "deliver.p99", "deliver.p99<", "<3ms", "deliver.p99<3lightyears", "loss=0", "loss==-1"])
def test_what_is_no_expression_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"deliver\.p99<250ms"):
        parse(text)


def test_a_given_objective_replaces_the_default_of_its_metric() -> None:
    texts = [o.text for o in gather(["loss<10", "deliver.p99<1s", "deliver.p50<1ms"], ["connect.fail<=0%"])]
    assert texts == ["loss<10", "repeats==0", "order==0", "foreign==0", "connect.fail<=0%", "deliver.p99<1s", "deliver.p50<1ms"]


def test_a_verdict_names_the_fault() -> None:
    (outcome,) = evaluate([parse("loss==0")], figures(loss=12))
    assert outcome.sentence == "loss==0: 12 receipts dropped"
    (outcome,) = evaluate([parse("deliver.p99<250ms")], figures())
    assert outcome.sentence.startswith("deliver.p99<250ms: was 9")
    assert outcome.sentence.endswith(" ms: receipts delayed")


def code(objective: str, errors: dict[str, int], starved: list[str], **numbers: float) -> int:
    wanted = gather([objective] if objective else [], [])
    return results.judge(evaluate(wanted, figures(**numbers)), errors, starved).code


def test_exit_codes() -> None:
    assert code("", {}, []) == results.PASSED
    assert code("", {"tls: no": 1}, []) == results.ERRORS
    assert code("", {}, [], loss=1) == results.BREACH
    assert code("deliver.p99<1ms", {}, []) == results.BREACH
    assert code("", {}, ["late"]) == results.STARVED


def test_a_lost_message_is_lost_however_the_generator_fared() -> None:
    assert code("", {"tls: no": 1}, ["late"], loss=1) == results.BREACH


def test_a_starved_generator_says_nothing_about_latency() -> None:
    assert code("deliver.p99<1ms", {}, ["late"]) == results.STARVED


def test_every_truth_has_a_default() -> None:
    assert {parse(text).metric for text in objectives.ALWAYS} == set(objectives.TRUTH)
