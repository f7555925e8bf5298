"""`python -m loadtest`: its commands, its sentences and its exit codes. The harness is a fake, but for the last test."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from loadtest import __main__ as command
from loadtest.compare import benchmarks, cli, runner, study
from loadtest.compare.rounds import Slot
from loadtest.options import Refused
from loadtest.targets import Address, Cores, Elsewhere
from tests.loadtest.made_up import result
from tests.loadtest.running import ROOT, needs_locust, tiny

A, B = "a=127.0.0.1:1", "b=127.0.0.1:2"


class Fake:
    """Stands in for `Runner`: a target's times are scripted by its name."""

    times: dict[str, float] = {"a": 10, "b": 10}  # noqa: RUF012  set by a test as a whole
    lines: list[list[str]] = []  # noqa: RUF012
    valid = True
    settings: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, targets: Any, load: Sequence[str], **_: Any) -> None:
        self.load = load
        self.lines.append(list(load))

    def __call__(self, slot: Slot, file: Path) -> dict[str, Any]:
        times = self.times.get(slot.target, 10) + slot.number
        made = result(times, valid=self.valid, code=0 if self.valid else 4, **self.settings)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(made))
        return made


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Fake]:
    class Own(Fake):
        times = {"a": 10, "b": 10}  # noqa: RUF012
        lines: list[list[str]] = []  # noqa: RUF012

    monkeypatch.setattr(study, "Runner", Own)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return Own


def compare(*arguments: str) -> int:
    return command.main(["compare", *arguments, "--ca", "ca.pem"] if "--" not in arguments else ["compare", *arguments])


def test_like_servers_end_with_0_and_everything_is_written(
    fake: type[Fake], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(A, B, "--rounds", "3", "--out", "out") == 0
    out = capsys.readouterr().out
    assert "round 3/3  b              passed" in out
    assert "parley: nothing is worse in 11 figures judged" in out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"comparison.json", "comparison.md", "comparison.html", "comparison-spectrum-deliver.svg"} <= names
    assert not any(name.endswith(".part") for name in names)
    assert fake.lines == [["--scenario", "room"]]


def test_a_slower_server_ends_with_3(fake: type[Fake], capsys: pytest.CaptureFixture[str]) -> None:
    fake.times = {"a": 100, "b": 10}
    assert compare(A, B) == 3
    assert "parley: deliver.p99: a is worse than b" in capsys.readouterr().out
    assert compare(A, B, "--figures", "loss") == 0
    assert compare(A, B, "--tolerance", "95") == 0
    assert compare(B, A) == 0  # the first is judged


def test_a_comparison_is_the_baseline_of_the_next(fake: type[Fake], capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(A, "--out", "then") == 0
    assert compare(A, "then/comparison.json") == 0
    fake.times = {"a": 100}
    assert compare(A, "then/comparison.json") == 3
    assert "deliver.p99: a is worse than a (comparison.json)" in capsys.readouterr().out
    assert compare("var/compare/comparison.json", "then/comparison.json") == 3  # of two files nothing is run
    assert len(fake.lines) == 4


def test_too_many_invalid_runs_end_with_4(fake: type[Fake], capsys: pytest.CaptureFixture[str]) -> None:
    fake.valid = False
    assert compare(A, B, "--rounds", "1", "--repeats", "1") == 4
    out = capsys.readouterr().out
    assert out.count("not valid, dropped") == 4
    assert "a: 1 rounds have no valid run" in out


def test_the_load_is_passed_on(fake: type[Fake], tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("")
    assert compare("a=127.0.0.1:1,ca=x.pem", "--phases", "own.toml", "--", "--rate", "7") == 0
    assert fake.lines == [["--phases", str(tmp_path / "own.toml"), "--rate", "7"]]
    assert json.loads((tmp_path / "var/compare/comparison.json").read_text())["arguments"] == [
        "--phases",
        "own.toml",
        "--rate",
        "7",
    ]


def test_kept_runs_are_used_again_by_the_same_comparison_only(fake: type[Fake], capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(A, B, "--rounds", "1", "--keep", "keep") == 0
    assert compare(A, B, "--rounds", "2", "--keep", "keep") == 0
    assert capsys.readouterr().out.count("kept from before") == 2
    assert compare(A, B, "--scenario", "ramp", "--keep", "keep") == 1
    assert "holds the runs of another comparison" in capsys.readouterr().err
    (Path("keep") / "01-a.json").write_text(json.dumps(result() | {"tls": None}))
    assert compare(A, B, "--rounds", "1", "--keep", "keep") == 1
    assert "wrote results that cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say what to compare"),
        (["nonsense"], "There is no target nonsense: there are parley, parley-memory, ngircd, inspircd,"),
        (["x:1,speed=3"], "There is no target x:1,speed=3"),
        (["x:1,pid=me"], "There is no target"),
        (["x:port"], "The address is HOST:PORT"),
        ([A, A], "The target a is named twice"),
        (["a/b=127.0.0.1:1"], "The name of a target has no slash"),
        (["gone.json"], "One file of results has nothing to be compared with"),
        ([A, "gone.json"], "gone.json cannot be read"),
        ([A, "--scenario", "room", "--phases", "x.toml"], "not both"),
        ([A, "--figures", "speed"], "There is no figure speed"),
        (["--suite", "nonsense"], "There is no suite nonsense: there are benchmarks"),
        (["--suite", "benchmarks", "--scenario", "room"], "A suite has scenarios of its own"),
        ([A, "--folder", "file/folder"], "cannot be used"),
        ([A, "--out", "file"], "The results cannot be written to file"),
        (["--suite", "benchmarks", "--out", "file"], "The results cannot be written to file"),
    ],
)
def test_mistakes_are_one_sentence(
    fake: type[Fake], tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    (tmp_path / "file").write_text("")
    assert compare(*arguments) == 1
    err = capsys.readouterr().err
    assert sentence in err
    assert err.startswith("parley: ")
    assert err.count("\n") == 1
    assert fake.lines == []  # before anything was run


def test_an_address_needs_its_ca(fake: type[Fake], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["compare", "127.0.0.1:6697"]) == 1
    assert "Say which CA signed the certificate of 127.0.0.1:6697: --ca FILE" in capsys.readouterr().err


def test_a_baseline_of_another_load_is_refused(fake: type[Fake], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "then.json").write_text(json.dumps(result(rate=77.0)))
    assert compare(A, "then.json") == 1
    assert "was measured with another load: rate 77.0 (not 10.0)" in capsys.readouterr().err
    assert compare(A, "then.json", "--ca", "ca.pem", "--", "--scenario", "ramp", "-t", "3s") == 1
    assert "was measured with the scenario room, this load with ramp" in capsys.readouterr().err
    assert compare(A, "then.json", "--ca", "ca.pem", "--", "--rate", "nan") == 1
    assert "--rate must be a number, not nan" in capsys.readouterr().err
    assert fake.lines == []


def test_a_baseline_of_another_length_is_refused_after_one_run(
    fake: type[Fake], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long a run takes is Locust's option: it is known once there was one."""
    monkeypatch.setenv("PARLEY_RATE", "77")
    (tmp_path / "then.json").write_text(json.dumps(result(rate=77.0, run_time=20.0)))
    monkeypatch.setattr(fake, "settings", {"rate": 77.0, "run_time": 10.0})
    assert compare(A, "then.json", "--keep", "keep", "--ca", "ca.pem", "--", "-t", "10s") == 1
    assert "was measured with another load: run_time 20.0 (not 10.0)" in capsys.readouterr().err
    assert len(list((tmp_path / "keep").glob("*-a.json"))) == 1


def test_a_load_with_a_mistake_is_refused_by_the_harness(fake: type[Fake], tmp_path: Path) -> None:
    (tmp_path / "then.json").write_text(json.dumps(result()))
    assert compare(A, "then.json", "--ca", "ca.pem", "--", "--rate", "many") == 0
    assert fake.lines == [["--scenario", "room", "--rate", "many"]]


def test_a_search_is_judged_by_its_knee(fake: type[Fake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake, "settings", {"scenario": "knee"})
    assert compare(A, B, "--scenario", "knee") == 1  # no step passed, on neither side: that is no knee
    found = json.loads((tmp_path / "var/compare/comparison.json").read_text())
    assert found["judged"][0] == "knee.deliveries_per_s"


def test_an_interruption_says_how_to_go_on(
    fake: type[Fake], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(self: Fake, slot: Slot, file: Path) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(fake, "__call__", interrupted)
    assert compare(A, "--keep", "keep") == 1
    assert "interrupted; the finished runs are in keep, and the same command goes on from there." in capsys.readouterr().err
    assert compare(A) == 1
    assert "with --keep it could go on later." in capsys.readouterr().err
    with pytest.raises(KeyboardInterrupt):
        cli._interrupt(15, None)


# The suite


def test_every_phases_file_of_the_suite_makes_a_run() -> None:
    files = benchmarks.files("benchmarks")
    assert [file.stem for file in files] == ["1-room", "2-big-room", "3-mixed", "4-storm", "5-slow"]
    expected = sum(benchmarks.seconds(file) for file in files) * len(benchmarks.TARGETS) * 5
    assert expected < 25 * 60


def test_a_suite_writes_its_folder_and_keeps_what_others_wrote(
    fake: type[Fake], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for name in ("1-one", "2-two"):
        (own / f"{name}.toml").write_text('scenario = "room"\n[[phases]]\nseconds = 1\n')
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "README.md").write_text(f"# Ours\n\nhow to\n\n{benchmarks.BEGIN}\nold\n{benchmarks.END}\n\nafter\n")
    fake.times = {"a": 100, "b": 10}
    assert compare("--suite", "own", A, B, "--rounds", "2", "--out", "docs", "--keep", "keep") == 0  # it shows, and judges nothing
    out = capsys.readouterr().out
    assert "2 scenarios, 2 targets, 2 rounds: about 1 minutes." in out
    readme = (docs / "README.md").read_text()
    assert readme.startswith("# Ours\n\nhow to\n")
    assert readme.endswith("\nafter\n")
    assert "\nold\n" not in readme
    assert readme.index("## one") < readme.index("## two")
    assert "![Delivery](one-spectrum-deliver.svg)" in readme
    for line in readme.splitlines():
        if line.startswith("!["):
            assert (docs / line.partition("(")[2].rstrip(")")).is_file()
    assert json.loads((docs / "two.json").read_text())["kind"] == "comparison"
    assert str(tmp_path) not in "".join(path.read_text() for path in docs.iterdir())
    assert compare("--suite", "own", A, B, "--rounds", "2", "--out", "docs", "--keep", "keep") == 0
    assert "8 finished runs in keep are used; remove the folder to measure anew." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[options]\nrooms = "many"\n', "2-two.toml, options: rooms must be a whole number, not 'many'."),
        ("[options]\nconnect-rate = 0\n", "2-two.toml: --connect-rate must be more than 0."),
        ("", "2-two.toml: There is no scenario tea."),
    ],
)
def test_a_mistake_in_a_file_of_the_suite_is_one_sentence(
    fake: type[Fake], tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    rest = "[[phases]]\nseconds = 1\n"
    (tmp_path / "1-one.toml").write_text(f'scenario = "room"\n{rest}')
    (tmp_path / "2-two.toml").write_text(f'scenario = "{"room" if text else "tea"}"\n{text}{rest}')
    assert compare("--suite", str(tmp_path), A) == 1
    err = capsys.readouterr().err
    assert err.endswith(f"{sentence}\n")
    assert err.count("\n") == 1
    assert fake.lines == []


def test_a_suite_without_enough_valid_runs_ends_with_4(
    fake: type[Fake], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "1-one.toml").write_text('scenario = "room"\n[[phases]]\nseconds = 1\n')
    fake.valid = False
    assert compare("--suite", str(tmp_path), A, "--rounds", "1", "--repeats", "0") == 4
    captured = capsys.readouterr()
    assert "a: 1 rounds have no valid run; the generator was starved" in captured.err
    assert "# " in (tmp_path / "var/compare/README.md").read_text()


def test_results_go_between_the_marks_or_to_the_end() -> None:
    once = benchmarks.between("# T\n", "new")
    assert once == f"# T\n\n{benchmarks.BEGIN}\n\nnew\n{benchmarks.END}\n"
    assert benchmarks.between(once, "newer") == once.replace("new", "newer", 1)


# The runner


def test_the_command_line_of_a_run() -> None:
    line = runner.command("mine", Address("127.0.0.1:9", "ca.pem", 77), Path("r.json"), ["--scenario", "room"])
    assert line[1:6] == ["-m", "locust", "-f", str(ROOT / "loadtest/locustfile.py"), "--headless"]
    for pair in (("--host", "127.0.0.1:9"), ("--ca", "ca.pem"), ("--server-pid", "77"), ("--target-name", "mine")):
        assert line[line.index(pair[0]) + 1] == pair[1]
    assert line[-2:] == ["--scenario", "room"]
    assert "--server-pid" not in runner.command("mine", Address("127.0.0.1:9", "ca.pem"), Path("r.json"), [])


def stub(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """In place of Locust, a script: `file` is where it should write."""
    monkeypatch.setattr(
        runner, "command", lambda target, address, file, load: [sys.executable, "-c", f"file = {str(file)!r}\n{code}"]
    )


def run_once(tmp_path: Path, limit: float = 60) -> dict[str, Any]:
    target = Elsewhere("a", Address("127.0.0.1:1", "ca.pem"))
    return runner.Runner({"a": target}, [], cores=Cores(None, None), limit=limit)(Slot("a", 1, 0), tmp_path / "keep" / "01-a.json")


def test_a_run_is_kept_without_the_paths_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.dumps(result(ca="/tmp/x/ca.pem", results="/tmp/x/results.json"))
    stub(monkeypatch, f"open(file, 'w').write({made!r}); raise SystemExit(3)")
    found = run_once(tmp_path)
    assert json.loads((tmp_path / "keep" / "01-a.json").read_text()) == found
    assert (found["settings"]["ca"], found["settings"]["results"]) == ("", "")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            "print('x\\nparley: not run: Nobody is there.\\n'); raise SystemExit(1)",
            r"came to nothing \(code 1\): Nobody is there\.",
        ),
        ("raise ValueError('oh')", "ValueError: oh"),
        ("open(file, 'w').write('[]')", "it said nothing"),
        ("open(file, 'w').write('{')", "it said nothing"),
    ],
)
def test_a_run_that_comes_to_nothing_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, sentence: str
) -> None:
    stub(monkeypatch, code)
    with pytest.raises(Refused, match=sentence):
        run_once(tmp_path)


def test_a_run_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(monkeypatch, f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    with pytest.raises(Refused, match=r"took more than 2 s and was ended \(--limit\)"):
        run_once(tmp_path, limit=2)
    pid = (tmp_path / "pid").read_text() if (tmp_path / "pid").exists() else ""
    assert not pid or not os.path.exists(f"/proc/{pid}")


# The commands


def test_commands(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert command.main([]) == 2
    assert "usage: python -m loadtest COMMAND" in capsys.readouterr().err
    assert command.main(["--help"]) == 0
    assert "compare TARGET..." in capsys.readouterr().out
    assert command.main(["fly"]) == 2
    assert capsys.readouterr().err == "parley: there is no command fly: there are run, compare, report.\n"
    assert command.main(["run", "--help"]) == 0
    assert "--storm-jitter" in capsys.readouterr().out
    assert command.main(["report", "--help"]) == 0
    assert capsys.readouterr().out == "usage: python -m loadtest report RESULTS.json OUT.html\n"
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, line: became.append(line))
    command.main(["run", "--host", "x:1"])
    assert became[0][1:] == ["-m", "locust", "-f", str(ROOT / "loadtest/locustfile.py"), "--host", "x:1"]
    assert command.main(["report", str(tmp_path / "none.json"), str(tmp_path / "out.html")]) == 1


def test_a_mistake_in_an_option_is_argparses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command.main(["compare", "parley", "--rounds", "0"])
    assert end.value.code == 2
    assert "must be 1 or more" in capsys.readouterr().err
    for option, value in (("--tolerance", "nan"), ("--limit", "inf"), ("--limit", "-1")):
        with pytest.raises(SystemExit):
            command.main(["compare", "parley", option, value])
        assert f"argument {option}: must be" in capsys.readouterr().err


def test_nothing_of_it_imports_locust() -> None:
    """A comparison makes TLS certificates and starts processes: the standard library must stay as it is."""
    code = "import sys\nfrom loadtest.compare import cli\nassert not {'locust', 'gevent'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


# From end to end


def speaking_of(folder: Path) -> list[str]:
    """The processes whose command line names the folder."""
    out = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and str(folder).encode() in (entry / "cmdline").read_bytes():
                out.append(entry.name)
    return out


def test_what_was_started_ends_with_an_interruption(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    line = [sys.executable, "-m", "loadtest", "compare", "parley-memory", "--out", str(tmp_path), "--keep", str(tmp_path / "keep")]
    compare = subprocess.Popen(
        [*line, "--folder", str(scratch)], cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    others = {str(compare.pid)}
    try:
        while not set(speaking_of(scratch)) - others:  # until the server (or what makes its certificates) is there
            assert compare.poll() is None
            time.sleep(0.05)
        compare.terminate()
        _, err = compare.communicate(timeout=90)
    finally:
        compare.kill()
        compare.wait()
    assert compare.returncode == 1
    assert "parley: interrupted; the finished runs are in" in err
    assert speaking_of(scratch) == []
    assert list(scratch.iterdir()) == []


def really(folder: Path, rounds: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    small = ("--rooms", "1", "--members", "4", "--rate", "20", "-t", "1s", "--starved-wait", "95", "--starved-lag", "9000")
    line = [sys.executable, "-m", "loadtest", "compare", *arguments, "--rounds", str(rounds), "--no-pin", "--", *small]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        line, capture_output=True, text=True, cwd=folder, env=environ, timeout=300, stdin=subprocess.DEVNULL, check=False
    )


@needs_locust
@pytest.mark.timeout(600)
def test_a_server_against_itself_ends_with_0_and_with_a_delay_against_that_baseline_with_3(
    certificates: Path, tmp_path: Path
) -> None:
    """The delay of 1.5 s is far more than what a busy machine adds to a delivery; the tolerance is a factor of ten."""
    judged = ("--figures", "deliver.p50,loss", "--tolerance", "90", "--ca", str(certificates / "ca.pem"))
    with tiny(certificates) as server:
        like = really(tmp_path, 2, f"one={server.text},pid={server.pid}", f"two={server.text}", *judged, "--out", "then")
    assert like.returncode == 0, like.stdout + like.stderr
    then = json.loads((tmp_path / "then" / "comparison.json").read_text())
    assert [len(t["runs"]) for t in then["targets"]] == [2, 2]
    assert ["server.cpu_us_per_delivery" in t["figures"] for t in then["targets"]] == [True, False]
    with tiny(certificates, "--fault", "delay", "--delay", "1.5") as server:
        late = really(tmp_path, 1, f"late={server.text}", "then/comparison.json", *judged, "--out", "now")
    assert late.returncode == 3, late.stdout + late.stderr
    assert "parley: deliver.p50: late is worse than one (comparison.json)" in late.stdout
    assert "parley: loss" not in late.stdout
