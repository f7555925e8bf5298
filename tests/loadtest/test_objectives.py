"""Objectives: what is understood, what passes, and in which order a run fails."""

from __future__ import annotations

import pytest

from loadtest import objectives, results
from loadtest.histogram import Histogram
from loadtest.objectives import Figures, Watch, evaluate, gather, parse


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
        ("loss<1", True),
        ("evict.half-tcp.p50<1s", False),
    ],
)
def test_expressions(text: str, passes: bool) -> None:
    (outcome,) = evaluate([parse(text)], figures(connect__fail=0.0005))
    assert outcome.passed is passes


@pytest.mark.parametrize("text", ["", "deliver.p99", "deliver.p99<", "<3ms", "deliver.p99<3lightyears", "loss=0", "loss==-1"])
def test_what_is_no_expression_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"deliver\.p99<250ms"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("deliver.p99<250", "deliver.p99 is a time; say us, ms or s"),
        ("deliver.max<5%", "deliver.max is a time"),
        ("loss<5ms", "loss is no time; leave ms out"),
        ("loss<5%", "loss is no share"),
    ],
)
def test_a_unit_that_makes_no_sense_is_refused(text: str, sentence: str) -> None:
    """`deliver.p99<250` would be 250 seconds, and could not fail."""
    with pytest.raises(ValueError, match=sentence):
        parse(text)


@pytest.mark.parametrize(
    ("text", "is_known"),
    [
        ("deliver.healthy.p99<1s", True),
        ("evict.half-tcp.max<1s", True),
        ("connect.tls.mean<1s", True),
        ("server.rss_kib.per_hour.low<1024", True),
        ("hostile.half-tcp.open<1", True),
        ("delivery.p99<1s", False),
        ("connect.fails<1", False),
    ],
)
def test_a_misspelt_figure_is_known_as_one(text: str, is_known: bool) -> None:
    assert objectives.known(parse(text)) is is_known


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
    return results.judge(evaluate(wanted, figures(**numbers)), errors, results.Starved(starved)).code


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


def test_a_starved_generator_is_not_reported_as_a_faulty_server() -> None:
    """Its errors of connecting may be its own, and so may losses at the very end. Gaps, and other errors, are not."""
    late = results.Starved(["late"])
    verdict = results.judge([], {"tls: no": 3}, late)
    assert (verdict.code, verdict.reasons) == (results.STARVED, ["late", "3 x tls: no"])
    assert results.judge([], {"protocol: no": 1}, late).code == results.ERRORS
    lossy = evaluate(gather([], []), figures(loss=5))
    verdict = results.judge(lossy, {}, late, tail=5)
    assert (verdict.code, verdict.reasons) == (results.STARVED, ["late", "loss==0: 5 receipts dropped"])
    assert results.judge(lossy, {}, late, tail=4).code == results.BREACH
    assert results.judge(lossy, {}, tail=5).code == results.BREACH
    assert results.judge(evaluate(gather([], []), figures(repeats=5)), {}, late, tail=5).code == results.BREACH


def test_a_generator_that_was_starved_while_connecting_made_those_errors_only() -> None:
    connecting = results.Starved(connecting=["while connecting, late"])
    assert results.judge([], {}, connecting).code == results.PASSED
    assert results.judge([], {"tls: no": 1}, connecting).code == results.STARVED
    assert results.judge([], {"connection: gone": 1}, connecting).code == results.ERRORS
    failed = evaluate(gather(["connect.fail<1%"], []), figures(connect__fail=0.5))
    assert results.judge(failed, {}, connecting).code == results.STARVED


def test_every_truth_has_a_default() -> None:
    assert {parse(text).metric for text in objectives.ALWAYS} == set(objectives.TRUTH)


# --abort: while the run goes on

NO_FAULTS = {"lost": 0, "repeated": 0, "reordered": 0, "foreign": 0}


def slow(microseconds: int) -> dict[str, Histogram]:
    out = Histogram()
    out.record(microseconds, 10)
    return {"deliver": out, "spread": Histogram()}


def watch(*texts: str) -> Watch:
    return Watch([parse(text) for text in texts], after=3, patience=2)


@pytest.mark.parametrize("fault", ["repeated", "reordered", "foreign"])
def test_one_fault_that_must_not_be_ends_it(fault: str) -> None:
    watching = watch(*objectives.ALWAYS)
    assert watching.look(NO_FAULTS, {}, True) == ""
    assert f"1 {'messages' if fault == 'foreign' else 'receipts'}" in watching.look(NO_FAULTS | {fault: 1}, {}, True)


def test_a_gap_is_a_loss_when_it_was_not_filled_in_time() -> None:
    watching = watch("loss==0")
    assert [watching.look(NO_FAULTS | {"lost": n}, {}, True) for n in (0, 1, 1)] == ["", "", ""]
    assert watching.look(NO_FAULTS | {"lost": 1}, {}, True) == "loss==0: 1 receipts dropped"


def test_a_gap_that_was_filled_while_another_opened_is_none() -> None:
    watching = watch("loss==0", "order<100")
    for filled in range(8):
        assert watching.look(NO_FAULTS | {"lost": 1, "reordered": filled}, {}, True) == ""


def test_some_loss_may_be_allowed() -> None:
    watching = watch("loss<3", "loss>=0")
    assert [watching.look(NO_FAULTS | {"lost": 2}, {}, True) for _ in range(5)] == [""] * 5
    assert [bool(watching.look(NO_FAULTS | {"lost": 3}, {}, True)) for _ in range(3)] == [False, False, True]


def test_a_percentile_must_be_broken_for_some_seconds_in_a_row() -> None:
    watching = watch("deliver.p99<100ms")
    seconds = [500_000, 500_000, 1_000, 500_000, 500_000, 500_000]
    said = [watching.look(NO_FAULTS, slow(us), True) for us in seconds]
    assert said[:5] == [""] * 5
    assert said[5].startswith("deliver.p99<100ms: was ")
    assert said[5].endswith("for 3 seconds in a row")


def test_seconds_that_do_not_count_are_not_looked_at() -> None:
    watching = watch("deliver.p99<100ms")
    assert [watching.look(NO_FAULTS, slow(500_000), False) for _ in range(9)] == [""] * 9


def test_what_ended_a_run_early_is_its_verdict() -> None:
    verdict = results.judge([], {"tls: no": 1}, results.Starved(["late"]), "loss==0: 1 receipts dropped")
    assert (verdict.code, verdict.reasons) == (results.BREACH, ["ended early: loss==0: 1 receipts dropped"])


def test_a_step_of_load_is_held_against_latencies_only() -> None:
    texts = ["deliver.p99<1s", "spread.p50<1s", "rtt.p99<1s", "loss==0", "connect.tls.p99<1s", "recover.p99<1s"]
    assert [parse(text).is_latency for text in texts] == [True, True, True, False, False, False]
