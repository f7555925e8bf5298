"""What a comparison makes of runs: figures, columns, files, rounds that take turns, verdicts, tables and plots."""

from __future__ import annotations

import json
import socket
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from loadtest.compare import comparison, figures, files, machine, plots, rounds, tables
from loadtest.compare.comparison import Column
from loadtest.compare.rounds import Rounds, Slot
from loadtest.options import Refused
from loadtest.report import page
from loadtest.results import BREACH, ERRORS, PASSED, STARVED
from tests.loadtest.made_up import histogram, result


def column(name: str, *p50: float, **more: Any) -> Column:
    out = comparison.column(name, [(n, result(value, **more)) for n, value in enumerate(p50, 1)])
    out.notes = (f"{name} is made up",)
    return out


def build(*columns: Column, judged: tuple[str, ...] = figures.JUDGED, demanded: tuple[str, ...] = ()) -> dict[str, Any]:
    about: dict[str, Any] = {
        "made": "2026-01-01T00:00:00+00:00",
        "arguments": [],
        "rounds": 3,
        "machine": {"processor": "2 x something"},
    }
    found = comparison.build(columns, judged=judged, demanded=demanded, **about)
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]  # as it is read again


# Figures


def test_figures_are_read_off_a_result() -> None:
    found = figures.read(result(10, cpu=25, kib=15, lost=2), ("connect.tls.p90", "deliver.mean"))
    assert found["deliver.p50"] == pytest.approx(10_000, rel=0.016)
    assert found["deliver.p99"] == pytest.approx(30_000, rel=0.016)
    assert found["deliver.max"] == found["deliver.p99.9"]
    assert found["deliver.mean"] == pytest.approx(20_000, rel=0.016)
    assert found["connect.tls.p90"] == pytest.approx(3000, rel=0.016)
    assert (found["server.cpu_us_per_delivery"], found["server.deliveries_per_cpu_s"]) == (25, 40_000)
    assert (found["server.kib_per_connection"], found["server.connect_us_per_connection"]) == (15, 1000)
    assert (found["loss"], found["order"], found["deliveries_per_s"]) == (2, 0, 100)
    assert "spread.p50" not in found  # nothing was recorded
    assert "server.cpu" not in figures.read(result(cpu=None))


def test_a_silent_run_has_no_rate() -> None:
    silent = result(cpu=None) | {"seconds": 0.0, "users": 0, "histograms": {}}
    assert not {"deliveries_per_s", "deliver.p50", "server.connect_us_per_connection"} & figures.read(silent).keys()


def test_any_percentile_is_a_figure_and_anything_else_is_none() -> None:
    assert figures.find("connect.tls.p99.9") == figures.Figure("connect.tls.p99.9", "connect.tls.p99.9", "us", -1)
    assert figures.find("evict.half-tcp.max").better == 0
    assert figures.find("server.deliveries_per_cpu_s").better == 1
    with pytest.raises(ValueError, match="There is no figure speed"):
        figures.find("speed")


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (12.3, "us", "12.3 µs"),
        (12_300, "us", "12.3 ms"),
        (1.23e6, "us", "1.23 s"),
        (2048.0, "kib", "2,048.0 KiB"),
        (20480.0, "kib", "20.0 MiB"),
        (0.031, "share", "3.1%"),
        (0.5, "cores", "0.50 cores"),
        (1234.5, "rate", "1,234"),
        (1.5, "count", "1.5"),
        (3.0, "count", "3"),
    ],
)
def test_figures_in_words(value: float, unit: figures.Unit, words: str) -> None:
    assert figures.in_words(value, unit) == words


def test_a_figure_in_the_unit_of_another() -> None:
    assert figures.in_words(1170.0, "us", like=968.0) == "1,170 µs"


# Verdicts and exit codes


def test_a_slower_first_target_is_worse_and_ends_with_3() -> None:
    found = build(column("slow", 30, 31, 32), column("fast", 10, 11, 12))
    assert found["exit_code"] == BREACH
    assert found["reasons"] == [f"deliver.{p}: slow is worse than fast" for p in ("p50", "p99", "p99.9")]
    assert tables.summary(found) == [f"parley: {reason}" for reason in found["reasons"]]


def test_a_faster_one_and_an_equal_one_end_with_0() -> None:
    found = build(column("fast", 10, 11, 12), column("slow", 30, 31, 32), column("like", 9, 11, 13))
    assert (found["exit_code"], found["reasons"]) == (PASSED, [])
    words = {(v["figure"], v["against"]): v["verdict"] for v in found["verdicts"]}
    assert words["deliver.p99", "slow"] == "better"
    assert words["deliver.p99", "like"] == "no difference"
    assert tables.summary(found) == ["parley: nothing is worse in 22 figures judged, 3 are better"]


def test_only_figures_that_are_judged_decide() -> None:
    worse = column("slow", 30, 31, 32), column("fast", 10, 11, 12)
    assert build(*worse, judged=("loss",))["exit_code"] == PASSED
    assert build(*worse, judged=("connect.tls.p90", "deliver.p90"))["exit_code"] == PASSED  # p90: not kept by these columns
    nothing = build(*worse, judged=())
    assert (nothing["exit_code"], tables.summary(nothing)) == (PASSED, ["parley: compared; nothing was judged"])


def test_a_figure_that_was_asked_for_and_is_not_there_is_an_error() -> None:
    found = build(column("a", 10, 11, cpu=None), column("b", 10, 11), judged=("server.cpu",), demanded=("server.cpu",))
    assert found["exit_code"] == ERRORS
    assert found["reasons"] == ["server.cpu: not measured on both sides, so it cannot be judged"]
    assert build(column("alone", 10), judged=("server.cpu",), demanded=("server.cpu",))["exit_code"] == PASSED


def test_rounds_without_a_valid_run_end_with_4() -> None:
    short = column("a", 10, 11)
    short.missing = 1
    found = build(short, column("b", 10, 11, 12))
    assert found["exit_code"] == STARVED
    assert "a: 1 rounds have no valid run; the generator was starved" in found["reasons"]
    assert "a: 1 rounds have no valid run." in found["footnotes"]


def test_lost_messages_are_worse_from_one_run_and_are_always_shown() -> None:
    found = build(column("a", 10, lost=3), column("b", 10))
    assert found["reasons"] == ["loss: a is worse than b"]
    assert "a: the ledger found faults: 3 lost over all runs." in found["footnotes"]
    assert "a, round 1: loss==0: receipts dropped." in found["footnotes"]


def test_messages_that_are_lost_in_some_rounds_are_worse() -> None:
    """By its intervals the median of such rounds does not differ from none."""
    a = comparison.column("a", [(n, result(10, lost=lost)) for n, lost in enumerate((0, 4, 5, 3, 7), 1)])
    found = build(a, column("b", 10, 10, 10, 10, 10))
    assert (found["exit_code"], found["reasons"]) == (BREACH, ["loss: a is worse than b"])
    short = column("a", 10, 10)
    short.missing = 3
    short.dropped = [comparison.dropped(2, result(10, valid=False, lost=7, code=3))]  # it ended for its faults
    found = build(short, column("b", 10, 10))
    assert (found["exit_code"], found["reasons"]) == (BREACH, ["loss: a is worse than b"])


@pytest.mark.parametrize("fault", ["repeated", "reordered", "foreign"])
def test_every_fault_of_the_ledger_is_judged(fault: str) -> None:
    once = result(10)
    once["ledger"][fault] = 1
    found = build(comparison.column("a", [(1, once)]), column("b", 10))
    assert found["exit_code"] == BREACH


def test_users_who_fail_are_judged_by_how_sure_it_is() -> None:
    some = [result(10) | {"users_failed": failed} for failed in (10, 12, 11)]
    found = build(comparison.column("a", list(enumerate(some, 1))), column("b", 10, 10, 10))
    assert found["reasons"] == ["users_failed: a is worse than b"]


def test_a_round_of_the_first_target_that_ended_with_errors_is_an_error() -> None:
    broken = [(1, result(10)), (2, result(10, code=1) | {"reasons": ["3 x connect: Refused."]}), (3, result(10))]
    found = build(comparison.column("a", broken), column("b", 10, 10, 10))
    assert (found["exit_code"], found["reasons"]) == (ERRORS, ["a, round 2 ended with errors: 3 x connect: Refused."])
    assert build(column("b", 10, 10, 10), comparison.column("a", broken))["exit_code"] == PASSED


def silent() -> dict[str, Any]:
    out = result(10)
    del out["histograms"]["deliver"]
    return out


def test_a_figure_that_some_rounds_lack_is_an_error() -> None:
    once = comparison.column("a", [(1, result(10)), (2, silent()), (3, result(10))])
    never = comparison.column("a", [(n, silent()) for n in (1, 2, 3)])
    other = column("b", 10, 10, 10)
    for columns, where in (
        ((once, other), "1 of 3 rounds of a"),
        ((never, other), "3 of 3 rounds of a"),
        ((other, once), "1 of 3"),
    ):
        found = build(*columns)
        assert found["exit_code"] == ERRORS
        assert found["reasons"][0].startswith(f"deliver.p50: not measured in {where}")
        assert len(found["reasons"]) == 3
    assert build(once, other, judged=("loss",))["exit_code"] == PASSED
    alike = comparison.column("b", [(1, silent())])
    assert build(never, alike)["exit_code"] == PASSED  # a load without deliveries has no such figures


def test_the_knee_is_a_figure_and_more_of_it_is_better() -> None:
    def knees(name: str, *rates: float) -> Column:
        runs = [result(10, scenario="knee") | {"knee": {"deliveries_per_s": r, "p99": 1.0, "server_cpu": None}} for r in rates]
        return comparison.column(name, list(enumerate(runs, 1)))

    judged = figures.judged("knee")
    assert not [name for name in judged if name.startswith("deliver.")]
    assert figures.judged("room") == figures.JUDGED
    found = build(knees("a", 1000, 1100, 1200), knees("b", 3000, 3100, 3200), judged=judged)
    assert found["reasons"] == ["knee.deliveries_per_s: a is worse than b"]
    none = comparison.column("a", [(1, result(scenario="knee") | {"knee": None})])
    assert build(none, knees("b", 3000), judged=judged)["exit_code"] == ERRORS


def test_the_rate_is_that_of_the_measured_seconds() -> None:
    run = result() | {
        "phases": [
            {"name": "warm-up", "start": 0.0, "end": 1.0, "measured": False},
            {"name": "steady", "start": 1.0, "end": 3.5, "measured": True},
        ],
        "timeline": [{"t": t, "delivered": n} for t, n in enumerate((5, 100, 120, 60, 900))],
    }
    assert figures.read(run)["deliveries_per_s"] == 110


def test_what_a_server_said_is_fit_for_a_terminal(tmp_path: Path) -> None:
    evil = result(10, code=1) | {"reasons": ["1 x \x1b[2J\nno"]}
    evil["target"] |= {"version": "v\x1b]0;x\x07"}
    one = comparison.column("a", [(1, evil)])
    one.dropped = [comparison.dropped(2, evil)]
    found = build(one, column("b", 10))
    texts = [tables.terminal(found), *tables.summary(found), rounds._words(Slot("a", 1, 0), 1, evil, False), json.dumps(found)]
    path = write(tmp_path, "then.json", json.dumps(found).replace("\\ufffd", "\\u001b").replace("b is made up", "\\u001b"))
    for read in files.baseline(path):
        texts += [read.version, *read.notes, *(w for r in read.rounds for w in r.reasons)]
        texts += [reason for run in read.dropped for reason in run["reasons"]]
    assert any("1 x \ufffd[2J no" in text for text in texts)
    assert not any("\x1b" in text or "\\u001b" in text or "\x07" in text for text in texts)


def test_one_run_each_says_nothing_about_times() -> None:
    found = build(column("slow", 90), column("fast", 10))
    assert found["exit_code"] == PASSED
    assert tables.summary(found) == ["parley: nothing is worse in 11 figures judged; 7 not known from one run each, use --rounds"]


def test_dropped_runs_keep_their_faults_and_their_reasons() -> None:
    a = column("a", 10, 11)
    a.dropped = [comparison.dropped(2, result(500, valid=False, lost=7, code=4))]
    found = build(a, column("b", 10, 11))
    assert found["targets"][0]["faults"]["loss"] == 7
    assert "a: the ledger found faults: 7 lost over all runs." in found["footnotes"]
    assert "a, round 2: dropped: worker 0 stood in the run queue 50% of the time." in found["footnotes"]
    assert found["targets"][0]["figures"]["deliver.p99"]["max"] < 40_000


def test_footnotes_say_where_tls_differs_and_how_little_few_rounds_say() -> None:
    b = column("b", 10, 11)
    b.tls = ["TLSv1.2 ECDHE"]
    notes = build(column("a", 10, 11), b)["footnotes"]
    assert notes[:2] == ["a: a is made up.", "b: b is made up."]
    assert "TLS differs: a TLSv1.3 TLS_AES_256_GCM_SHA384; b TLSv1.2 ECDHE." in notes
    assert any("one figure in 6 is called worse by chance alone" in note for note in notes)
    enough = build(column("a", 1, 2, 3, 4, 5), column("b", 1, 2, 3, 4, 5))["footnotes"]
    assert not any("by chance" in note for note in enough)


# Baselines


def write(folder: Path, name: str, data: Any) -> str:
    (folder / name).write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return str(folder / name)


def test_the_results_of_a_run_are_a_baseline(tmp_path: Path) -> None:
    (found,) = files.baseline(write(tmp_path, "then.json", result(10)))
    assert (found.name, found.baseline, found.version) == ("made-up (then.json)", True, "made-up-1.0")
    now = column("made-up", 40, 41, 42)
    assert build(now, found)["reasons"][0] == "deliver.p50: made-up is worse than made-up (then.json)"
    old = result(10, valid=False)
    del old["target"]
    (nameless,) = files.baseline(write(tmp_path, "old.json", old))
    assert nameless.name == "127.0.0.1:1 (old.json)"
    assert "the generator was starved in this run, so its times say little" in nameless.notes


def test_a_comparison_is_a_baseline_for_the_next(tmp_path: Path) -> None:
    before = build(column("mine", 10, 11, 12), column("other", 1, 2, 3))
    path = write(tmp_path, "then.json", before)
    mine, other = files.baseline(path)
    now = column("mine", 10, 11, 12)
    found = build(now, mine, other)
    # Judged against itself as it was; the other stands there for show.
    assert {v["against"] for v in found["verdicts"] if v["judged"]} == {"mine (then.json)"}
    assert found["exit_code"] == PASSED
    assert mine.summary("deliver.p99") == now.summary("deliver.p99")
    assert mine.histograms["deliver"].count == now.histograms["deliver"].count
    assert "measured 2026-01-01T00:00:00+00:00 on 2 x something; what else ran then is not known" in mine.notes
    (picked,) = files.baseline(f"{path}#other")
    assert picked.name == "other (then.json)"
    assert build(column("unlike", 10, 11, 12), mine, other)["exit_code"] == BREACH  # no namesake: against all
    # A baseline of a baseline is not handed on.
    assert [c.name for c in files.baseline(write(tmp_path, "next.json", found))] == ["mine (next.json)"]
    assert build(mine, other)["exit_code"] == BREACH  # two files: the first against the second


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is no JSON"),
        ("[]", "is neither a results.json nor a comparison.json"),
        ("{}", "is neither a results.json nor a comparison.json"),
        ({"version": 2}, "has version 2, and this load test reads version 1: measure it again"),
        ({"version": 9, "kind": "comparison"}, "has version 9"),
        ({"version": 1}, "cannot be used: it is not what the load test writes"),
        ({"version": 1, "kind": "comparison", "targets": [{"name": "a"}]}, "cannot be used"),
        ({"version": 1, "kind": "comparison", "targets": 3}, "cannot be used"),
        (result() | {"histograms": {"deliver": {"unit": "s", "sub_bits": 5, "buckets": {}}}}, "cannot be used"),
        (result() | {"histograms": {"deliver": {"unit": "us", "sub_bits": 5, "buckets": {"9999": 1}}}}, "cannot be used"),
    ],
)
def test_a_broken_baseline_is_one_sentence(tmp_path: Path, content: Any, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        files.baseline(write(tmp_path, "then.json", content))


def test_a_baseline_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"gone\.json cannot be read: No such file or directory"):
        files.baseline(str(tmp_path / "gone.json"))
    with pytest.raises(Refused, match="has no target x: it has made-up"):
        files.baseline(write(tmp_path, "then.json", result()) + "#x")
    with pytest.raises(Refused, match="is a comparison, not the results of a run"):
        files.load(Path(write(tmp_path, "then.json", build(column("a", 1)))))


def test_figures_of_different_loads_are_not_compared() -> None:
    with pytest.raises(Refused, match=r"b was measured with another load: rate 20\.0 \(not 10\.0\)"):
        files.check_same_load([column("a", 10), column("b", 10, rate=20.0)])
    with pytest.raises(Refused, match="b was measured with the scenario ramp, a with room"):
        files.check_same_load([column("a", 10), column("b", 10, scenario="ramp")])
    files.check_same_load([column("a", 10, server_pid=7, host="x:1"), column("b", 10, results="elsewhere.json")])
    longer = result() | {"phases": [{"name": "steady", "start": 0.0, "end": 30.0, "load": [1.0, 1.0]}]}
    shorter = result() | {"phases": [{"name": "steady", "start": 0.0, "end": 10.0, "load": [1.0, 1.0]}]}
    with pytest.raises(Refused, match="another load: phases"):
        files.check_same_load([comparison.column("a", [(1, longer)]), comparison.column("b", [(1, shorter)])])


# Rounds


class Fake:
    """Runs nothing. `script` says what a run gives; else it is valid."""

    def __init__(self, script: Callable[[Slot], dict[str, Any]] | None = None) -> None:
        self.order: list[str] = []
        self.script = script or (lambda slot: result())

    def __call__(self, slot: Slot, file: Path) -> dict[str, Any]:
        self.order.append(slot.file.removesuffix(".json"))
        made = self.script(slot)
        file.write_text(json.dumps(made))
        return made


def play(fake: Fake, folder: Path, *, count: int = 2, repeats: int = 3, said: list[str] | None = None) -> dict[str, rounds.Taken]:
    say = said.append if said is not None else lambda line: None
    return Rounds(["a", "b", "c"], rounds=count, repeats=repeats, run=fake, folder=folder, say=say).play()


def test_targets_take_turns(tmp_path: Path) -> None:
    fake = Fake()
    taken = play(fake, tmp_path)
    assert fake.order == ["01-a", "01-b", "01-c", "02-a", "02-b", "02-c"]
    assert [number for number, _ in taken["b"].valid] == [1, 2]


def test_a_run_that_is_not_valid_is_dropped_and_repeated_in_the_same_round(tmp_path: Path) -> None:
    fake = Fake(lambda slot: result(code=4, valid=False) if slot == ("b", 1, 0) else result())
    said: list[str] = []
    taken = play(fake, tmp_path, said=said)
    assert fake.order == ["01-a", "01-b", "01-c", "01-b-again1", "02-a", "02-b", "02-c"]
    assert (len(taken["b"].valid), len(taken["b"].dropped), taken["b"].missing) == (2, 1, 0)
    assert "round 1/2  b              not valid, dropped" in said
    assert "round 1/2  a              passed" in said


def test_repeats_are_bounded_and_what_lacks_is_counted(tmp_path: Path) -> None:
    fake = Fake(lambda slot: result(code=4, valid=False) if slot.target == "b" else result())
    taken = play(fake, tmp_path, repeats=3)
    assert len([run for run in fake.order if "-b" in run]) == 2 + 3
    assert (len(taken["b"].valid), len(taken["b"].dropped), taken["b"].missing) == (0, 5, 2)
    assert len(taken["a"].valid) == 2


def test_faults_and_errors_are_kept_but_a_starved_run_with_faults_is_repeated(tmp_path: Path) -> None:
    """A fault of the ledger ends with 3 however the generator fared; its times do not count then."""
    outcomes = {"a": result(code=3, lost=1), "b": result(code=1), "c": result(code=3, lost=1, valid=False)}
    taken = play(Fake(lambda slot: outcomes[slot.target] if not slot.attempt else result()), tmp_path, count=1)
    assert [len(taken[name].dropped) for name in "abc"] == [0, 0, 1]


def test_an_interrupted_comparison_goes_on(tmp_path: Path) -> None:
    def interrupted(slot: Slot) -> dict[str, Any]:
        if slot[:2] == ("c", 1):
            raise KeyboardInterrupt
        return result(code=4, valid=False) if slot == ("b", 1, 0) else result()

    with pytest.raises(KeyboardInterrupt):
        play(Fake(interrupted), tmp_path)
    rest = Fake()
    said: list[str] = []
    taken = play(rest, tmp_path, said=said)
    assert rest.order == ["01-c", "01-b-again1", "02-a", "02-b", "02-c"]
    assert "round 1/2  a              passed (kept from before)" in said
    assert (len(taken["b"].valid), len(taken["b"].dropped)) == (2, 1)


def test_a_kept_run_of_another_shape_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "01-a.json").write_text('{"version": 1}')
    with pytest.raises(Refused, match=r"01-a\.json is not what the load test writes: remove it"):
        play(Fake(), tmp_path)


def test_a_folder_of_kept_runs_belongs_to_one_comparison(tmp_path: Path) -> None:
    rounds.claim(tmp_path / "keep", {"load": ["x"]})
    rounds.claim(tmp_path / "keep", {"load": ["x"]})
    with pytest.raises(Refused, match="holds the runs of another comparison"):
        rounds.claim(tmp_path / "keep", {"load": ["y"]})
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="cannot be used for the runs"):
        rounds.claim(tmp_path / "file", {})


# Tables and plots


def test_the_terminal_shows_medians_intervals_signs_and_notes() -> None:
    text = tables.terminal(build(column("a", 30, 31, 32), column("b", 10, 11, 12)))
    line = next(line for line in text.splitlines() if line.startswith("delivery p50 *"))
    assert line.split("  ")[-1].endswith(" -")
    assert "31 ms (30–32)" in line
    assert "- a: a is made up." in text
    assert "Against this target, a is: + better" in text
    assert "repeated" not in text  # nothing was, anywhere
    assert next(line for line in text.splitlines() if line.startswith("lost *")).split() == ["lost", "*", "0", "0", "="]


def test_a_figure_that_one_target_lacks_is_a_dash() -> None:
    head, body = tables.rows(build(column("a", 10, cpu=None), column("b", 10)))
    assert head == ["", "a", "b"]
    assert ["server CPU a delivery *", "–", "20 µs"] in body


def test_intervals_are_in_the_unit_of_the_median() -> None:
    _, body = tables.rows(build(column("a", 0.9, 1.1, 1.2)))
    assert body[0] == ["delivery p50 *", "1.1 ms (0.903–1.2)"]


def test_markdown_is_a_table_and_escapes_bars() -> None:
    lines = tables.markdown(build(column("a|b", 10), column("c", 10))).splitlines()
    assert lines[0] == "|  | a\\|b | c |"
    assert lines[1] == "| --- | ---: | ---: |"
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


class Checker(HTMLParser):
    """Counts elements and refuses what does not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in ("meta", "br", "link", "img", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_what_a_server_says_stays_text() -> None:
    evil = column("<script>alert(1)</script>", 10, 11, 12)
    evil.notes = ("<img src=x>",)
    one = build(evil, column("b", 20, 21, 22))
    html = plots.document([one, one | {"scenario": "again"}])
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    assert checker.seen.count("script") == 1  # the page's own
    assert "img" not in checker.seen
    assert len(checker.ids) == len(set(checker.ids))
    assert checker.seen.count("section") == 3
    assert "http://" not in html.replace("http://www.w3.org", "")


def test_plots_are_drawn_for_what_there_is() -> None:
    keys = [plot.key for plot in plots.of(build(column("a", 10, 11), column("b", 20, 21)))]
    assert keys[:3] == ["spectrum-deliver", "spectrum-connect-tls", "p99"]
    assert "server-cpu-us-per-delivery" in keys
    assert not any("spread" in key or "recover" in key for key in keys)
    for plot in plots.of(build(column("a", 10))):
        ElementTree.fromstring(page.standalone(plot))


def test_the_machine_is_described_without_its_name(tmp_path: Path) -> None:
    said = machine.describe(tmp_path)
    assert said["processor"]
    assert said["file system of the servers' folders"] != "unknown"
    assert socket.gethostname() not in " ".join(v for k, v in said.items() if k != "system")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"a / ext4 rw\nb {tmp_path.resolve()} tmpfs rw\nc /else xfs rw\n")
    assert machine.file_system(tmp_path, str(mounts)) == "tmpfs"
    assert machine.file_system(tmp_path, str(tmp_path / "none")) == "unknown"
    assert machine._field(str(tmp_path / "none"), "x") == ""


def test_the_99th_percentile_of_each_second_is_the_median_of_the_rounds() -> None:
    runs = [result() | {"timeline": [{"t": 1, "deliver": histogram(ms)}, {"t": 2}]} for ms in (10, 20, 90)]
    found = comparison.column("a", list(enumerate(runs, 1)))
    assert found.p99[0][1] == pytest.approx(20_000, rel=0.016)
    assert found.p99[1] == (2.0, None)
