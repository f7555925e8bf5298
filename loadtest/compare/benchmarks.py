"""`--suite`: several scenarios in a row, and a folder that says what came of them, for docs/benchmarks.

A suite is a folder of phases files. Nothing is judged in it: it shows. Each scenario is written when it is done, and its finished
runs are kept, so that an interrupted suite goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from loadtest import phases
from loadtest.compare import plots, study, tables
from loadtest.compare.study import Order
from loadtest.options import Refused, Settings
from loadtest.report import page

READY: Final = Path(__file__).resolve().parent / "suites"
TARGETS: Final = ("parley", "parley-memory", "ngircd", "inspircd")
KEEP: Final = Path("var", "benchmarks")
BEGIN: Final = "<!-- results: written by python -m loadtest compare --suite; do not edit -->"
END: Final = "<!-- end of results -->"
SHOWN: Final = (
    "spectrum-deliver",
    "spectrum-deliver-healthy",
    "spectrum-spread",
    "spectrum-recover",
    "p99",
    "server-cpu-us-per-delivery",
)
AROUND: Final = 5.0  # seconds of a run besides its phases and its connecting: two processes start and end


def files(suite: str) -> list[Path]:
    """The phases files of a suite, by its name or its folder, in the order of their names. Raises Refused."""
    folder = READY / suite if (READY / suite).is_dir() else Path(suite)
    found = sorted(folder.glob("*.toml"))
    if not found:
        ready = ", ".join(sorted(p.name for p in READY.iterdir() if p.is_dir()))
        raise Refused(f"There is no suite {suite}: there are {ready}, or give a folder of phases files (*.toml).")
    return found


def seconds(file: Path) -> float:
    """How long one run takes, about. Raises Refused where the file makes no run."""
    try:
        script = phases.read(file)
        settings = Settings.of({"phases": str(file), "ca": "any"}, host="127.0.0.1:6697")
        if not phases.ready(settings.scenario).exists():
            raise Refused(f"There is no scenario {settings.scenario}.")
    except Refused as why:
        raise Refused(str(why) if str(file) in str(why) else f"{file}: {why}") from None
    return phases.total(script.phases) + settings.rooms * settings.members / settings.connect_rate + AROUND


def run(suite: str, order: Order, out: Path) -> list[dict[str, Any]]:
    """Compare in every scenario, and write what came of it. Raises Refused."""
    todo = files(suite)
    study.check_writable(out)
    targets = order.targets or TARGETS
    live = len([t for t in targets if not study.is_baseline(t)])
    expected = sum(seconds(file) for file in todo) * live * order.rounds
    keep = order.keep or KEEP
    print(f"{len(todo)} scenarios, {live} targets, {order.rounds} rounds: about {expected / 60:.0f} minutes.")
    done = len(list(keep.glob("*/[0-9]*.json")))
    if done:
        print(f"{done} finished runs in {keep} are used; remove the folder to measure anew.")
    found = []
    for file in todo:
        name = file.stem.partition("-")[2] or file.stem
        print(f"\n{name}", flush=True)
        load = ("--phases", str(file.resolve()), *order.load)
        comparison = study.run(order._replace(targets=targets, load=load, keep=keep / name, judged=(), demanded=()))
        comparison["scenario"] = name
        print("\n" + tables.terminal(comparison, tables.remarks(comparison)), flush=True)
        found.append(comparison)
        write(found, out, suite)
    (page_file,) = study.write_texts({f"{Path(suite).name}.html": plots.document(found)}, keep)
    print(f"\nparley: written to {out}, and as one page to {page_file}")
    return found


def write(found: Sequence[Mapping[str, Any]], out: Path, suite: str) -> None:
    """README.md (its part between the marks), and for each scenario the data and the main plots. Raises Refused."""
    texts: dict[str, str] = {}
    parts = [_head(found[0])]
    for comparison in found:
        name = comparison["scenario"]
        texts[f"{name}.json"] = study.to_json(comparison)
        drawn = [plot for plot in plots.of(comparison) if plot.key in SHOWN]
        texts |= {f"{name}-{plot.key}.svg": page.standalone(plot) for plot in drawn}
        parts.append(_part(comparison, [(plot.title, f"{name}-{plot.key}.svg") for plot in drawn]))
    readme = out / "README.md"
    try:
        before = readme.read_text(encoding="utf-8") if readme.exists() else f"# {suite}\n\n{BEGIN}\n{END}\n"
    except OSError as why:
        raise Refused(f"{readme} cannot be read: {why.strerror}.") from None
    texts["README.md"] = between(before, "\n".join(parts))
    study.write_texts(texts, out)


def between(text: str, results: str) -> str:
    """The text with the results between the marks; at its end where it has none."""
    if BEGIN not in text or END not in text:
        text = f"{text.rstrip()}\n\n{BEGIN}\n{END}\n"
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{results}\n{END}{rest.partition(END)[2]}"


def _head(comparison: Mapping[str, Any]) -> str:
    machine = "; ".join(f"{key}: {value}" for key, value in comparison["machine"].items())
    versions = "\n".join(f"- **{t['name']}**: {t['version'] or 'version unknown'}" for t in comparison["targets"])
    notes = "\n".join(f"- {note}" for note in tables.differences(comparison))
    when = f"Measured {comparison['made']}, {comparison['rounds']} rounds. {machine}."
    return f"{when}\n\n{versions}\n\nHow they differ:\n\n{notes}\n\n{tables.legend(comparison)}\n"


def _part(comparison: Mapping[str, Any], drawn: Sequence[tuple[str, str]]) -> str:
    notes = "\n".join(f"- {note}" for note in tables.remarks(comparison))
    pictures = "\n\n".join(f"{title}:\n\n![{title}]({file})" for title, file in drawn)
    return f"## {comparison['scenario']}\n\n{comparison['load']}.\n\n{tables.markdown(comparison)}\n{notes}\n\n{pictures}\n"
