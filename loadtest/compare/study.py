"""One comparison from start to end: targets are parsed, rounds are run, and what came of it is written."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from loadtest.compare import comparison, figures, files, loads, machine, plots, rounds, tables
from loadtest.compare.comparison import Column
from loadtest.compare.rounds import Rounds, Slot
from loadtest.compare.runner import Runner
from loadtest.options import Refused, Settings
from loadtest.report import page
from loadtest.targets import READY, Address, Cores, Elsewhere, Started, Target, certificates
from loadtest.targets.recipes import ROOT

NO_DISK: Final = ("tmpfs", "ramfs")


class Order(NamedTuple):
    """What is to be compared, and how. `load` are the harness's own arguments; `judged` None: what the scenario is judged by."""

    targets: tuple[str, ...]
    load: tuple[str, ...] = ()
    rounds: int = 5
    repeats: int = 3
    judged: tuple[str, ...] | None = None
    demanded: tuple[str, ...] = ()
    tolerance: float = 0.02
    keep: Path | None = None
    folder: Path | None = None  # where the servers' folders are made
    ca: str = ""
    pin: bool = True
    limit: float = 600.0


def is_baseline(text: str) -> bool:
    """Whether a target is the file of an earlier run or comparison."""
    return text.partition("#")[0].endswith(".json")


def elsewhere(text: str, ca: str) -> Elsewhere:
    """A target `[NAME=]HOST:PORT[,pid=N][,ca=FILE]`. Raises Refused."""
    address, *more = text.split(",")
    given = dict(part.partition("=")[::2] for part in more)
    name, _, host = address.rpartition("=")
    unknown = given.keys() - {"pid", "ca"}
    if ":" not in host or unknown or not given.get("pid", "0").isdecimal():
        raise Refused(
            f"There is no target {text}: there are {', '.join(READY)}, [NAME=]HOST:PORT[,pid=N][,ca=FILE], and files of results."
        )
    settings = Settings(host=host)
    settings.address  # noqa: B018 (raises where it is none)
    if not (given.get("ca") or ca):
        raise Refused(f"Say which CA signed the certificate of {host}: --ca FILE, or {host},ca=FILE.")
    at = Address(host, str(Path(given.get("ca") or ca).resolve()), int(given.get("pid", "0")))
    return Elsewhere(name or host, at)


def parse(texts: Sequence[str], *, certs: Path, scratch: Path, cores: Cores, ca: str) -> dict[str, Target]:
    """The targets that are to be run, by name. Raises Refused."""
    out: dict[str, Target] = {}
    for text in texts:
        if is_baseline(text):
            continue
        target: Target = Started(READY[text], certs, scratch, cores) if text in READY else elsewhere(text, ca)
        if target.name in out:
            raise Refused(f"The target {target.name} is named twice: give one of them another name, as NAME=HOST:PORT.")
        if "/" in target.name:
            raise Refused(f"The name of a target has no slash: {target.name}.")
        out[target.name] = target
    return out


def run(order: Order) -> dict[str, Any]:
    """Compare. Raises Refused, and KeyboardInterrupt after the server was ended."""
    extra = tuple(name for name in order.judged or () if name not in figures.KNOWN)
    before = {text: files.baseline(text, extra) for text in order.targets if is_baseline(text)}
    baselines = [column for columns in before.values() for column in columns]
    if baselines and len(before) < len(order.targets):
        files.check_same_load([*loads.to_come(order.load), *baselines])
    cores = Cores.here() if order.pin else Cores(None, None)
    with _folders(order) as (scratch, kept):
        wanted = [text for text in order.targets if not is_baseline(text)]
        certs = certificates(scratch / "certs") if any(text in READY for text in wanted) else scratch
        live = parse(wanted, certs=certs, scratch=scratch, cores=cores, ca=order.ca)
        versions = {name: target.version() for name, target in live.items()}
        about = machine.describe(scratch)
        if live and order.keep is not None:
            rounds.claim(kept, _plan(order, versions))
        runner = Runner(live, order.load, cores=cores, limit=order.limit)
        run_once = _checked(runner, baselines) if baselines else runner
        taken = Rounds(list(live), rounds=order.rounds, repeats=order.repeats, run=run_once, folder=kept).play()
        ran = {name: _column(target, versions[name], taken[name], extra) for name, target in live.items()}
    columns: list[Column] = []
    for text in order.targets:
        columns += before[text] if text in before else [ran[name] for name in ran if _named(text, name)]
    with_runs = [c for c in columns if c.rounds]
    files.check_same_load(with_runs)
    notes = [cores.words] if live else []
    if about["file system of the servers' folders"] in NO_DISK and "parley" in ran:
        notes.append(
            "the store lies in memory (tmpfs), so that synchronous=FULL costs nothing: give a folder on a disk with --folder"
        )
    out = comparison.build(
        columns,
        judged=figures.judged(with_runs[0].scenario if with_runs else "") if order.judged is None else order.judged,
        demanded=order.demanded,
        tolerance=order.tolerance,
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        arguments=_shown(order.load),
        rounds=order.rounds,
        machine=about,
    )
    out["footnotes"] = [f"{note[0].upper()}{note[1:]}." for note in notes] + out["footnotes"]
    return out


def _checked(run_once: rounds.Run, baselines: Sequence[Column]) -> rounds.Run:
    """Runs, and refuses after the first what is no load of the baselines: how long it took and its phases are known then."""

    def run(slot: Slot, file: Path) -> dict[str, Any]:
        result = run_once(slot, file)
        with contextlib.suppress(*files.BROKEN):  # said where it is made a column
            files.check_same_load([comparison.column(slot.target, [(slot.number, result)]), *baselines])
        return result

    return run


def check_writable(folder: Path) -> None:
    """Before anything is measured that is to be written there. Raises Refused."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as why:
        raise Refused(f"The results cannot be written to {folder}: {why.strerror}.") from None


def _named(text: str, name: str) -> bool:
    return text == name if text in READY else elsewhere(text, "-").name == name


def _shown(load: Sequence[str]) -> list[str]:
    """The arguments as they may be published: files by their names."""
    return [Path(part).name if "/" in part else part for part in load]


@contextlib.contextmanager
def _folders(order: Order) -> Iterator[tuple[Path, Path]]:
    """A folder for the servers, which is removed, and one for the runs, which is where it is asked for."""
    try:
        if order.folder is not None:
            order.folder.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(prefix="compare-", dir=order.folder)
    except OSError as why:
        raise Refused(f"The folder {order.folder} cannot be used: {why.strerror}.") from None
    with scratch as name:
        yield Path(name), order.keep or Path(name, "runs")


def _plan(order: Order, versions: dict[str, str]) -> dict[str, Any]:
    """What runs that are kept must have in common with those to come."""
    load = [
        Path(part).read_text(encoding="utf-8") if part.endswith(".toml") and Path(part).exists() else part for part in order.load
    ]
    return {"version": 1, "targets": versions, "load": load, "pin": order.pin, "code": _code()}


def _code() -> str:
    """A digest of the server and the harness, so that runs of two versions are never mixed."""
    digest = hashlib.sha256()
    for package in ("server", "wire", "loadtest"):
        for file in sorted((ROOT / package).rglob("*.py")):
            if file.relative_to(ROOT).parts[:2] not in (("loadtest", "report"), ("loadtest", "compare")):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _column(target: Target, version: str, taken: rounds.Taken, extra: tuple[str, ...]) -> Column:
    try:
        out = comparison.column(target.name, taken.valid, extra)
        out.dropped = [comparison.dropped(number, result) for number, result in taken.dropped]
    except files.BROKEN as why:
        said = f"{type(why).__name__}: {why}"
        raise Refused(f"A run against {target.name} wrote results that cannot be read ({said}): remove the kept runs.") from None
    out.version = version or out.version
    out.notes = target.notes
    out.missing = taken.missing
    return out


def to_json(found: Mapping[str, Any]) -> str:
    """On one line: it is bulk, for programs."""
    return json.dumps(found, ensure_ascii=False) + "\n"


def write(found: dict[str, Any], folder: Path, name: str = "comparison") -> list[Path]:
    """NAME.json, NAME.md, NAME.html and a .svg for each plot. Raises Refused."""
    texts = {
        f"{name}.json": to_json(found),
        f"{name}.md": tables.markdown(found),
        f"{name}.html": plots.document([found]),
    }
    texts |= {f"{name}-{plot.key}.svg": page.standalone(plot) for plot in plots.of(found)}
    return write_texts(texts, folder)


def write_texts(texts: dict[str, str], folder: Path) -> list[Path]:
    """Each whole or not at all. Raises Refused."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            half = folder / f"{name}.part"
            half.write_text(text, encoding="utf-8")
            half.replace(folder / name)
    except OSError as why:
        raise Refused(f"The results cannot be written to {folder}: {why.strerror}.") from None
    return [folder / name for name in texts]
