"""What the server costs, seen from outside: CPU, memory, threads and descriptors, by process, by container or from its `/metrics`.

All three give the same dict; what cannot be known is -1 in it, never 0. CPU counts from some start, so only differences mean
something. A server that forks is measured whole: with its children, and what those that have ended used.

Reading takes well under a millisecond for a process; for `/metrics` at most PATIENCE seconds, in which others run (Locust has
patched the sockets). It is the conductor that reads; a generator in a process of its own never waits for it.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import ssl
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from loadtest.refused import Refused
from wire.display import plain

Reading = dict[str, float]  # cpu_s, rss_kib, threads, descriptors

PATIENCE: Final = 0.8  # seconds for an answer of /metrics
LONGEST_ANSWER: Final = 4 << 20
FEW_THREADS: Final = 64
TICKS: Final = os.sysconf("SC_CLK_TCK")
_SAMPLE: Final = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{.*\})?\s+(\S+)(?:\s+-?\d+)?")


class Probe(Protocol):
    """`source` says in words what is looked at."""

    source: str

    def read(self) -> Reading | None:
        """What it has used so far; None where there is nothing to read."""


class Nothing:
    """No server is looked at."""

    source = ""

    def read(self) -> Reading | None:
        return None


def probe_for(settings: Any) -> Probe:
    """By `server_container`, `server_metrics` or `server_pid`, whichever is set. Raises Refused where it cannot be read."""
    if settings.server_container:
        return ContainerProbe(settings.server_container)
    if settings.server_metrics:
        probe = MetricsProbe(settings.server_metrics)
        probe.check()
        return probe
    if settings.server_pid:
        return ProcessProbe(settings.server_pid)
    return Nothing()


# ---- processes ----


def _stat(pid: int | str) -> list[str]:
    """The fields of /proc/PID/stat after the name, from the state on. Raises OSError."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _children(pid: int) -> Iterator[int]:
    """The living children of a process. Raises OSError."""
    threads = os.listdir(f"/proc/{pid}/task")
    lists = [f"/proc/{pid}/task/{thread}/children" for thread in threads]
    if len(threads) <= FEW_THREADS and os.path.exists(lists[0]):
        for file in lists:
            with contextlib.suppress(OSError):  # the thread has ended
                yield from map(int, Path(file).read_text().split())
        return
    for other in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(_stat(other)[1]) == pid:
                yield int(other)


def family(pid: int) -> list[int]:
    """A process and all that descend from it; empty where it has ended."""
    found, new = [], [pid]
    while new:
        one = new.pop()
        with contextlib.suppress(OSError):
            new.extend(_children(one))
            found.append(one)
    return found


def _descriptors(pids: Iterable[int]) -> int:
    try:
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
    except OSError:
        return -1


def _of(pids: Sequence[int]) -> Reading | None:
    """The sum over these processes, with the CPU of the children that they have waited for."""
    cpu = threads = pages = 0
    alive = []
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = _stat(pid)
            cpu += sum(map(int, fields[11:15]))
            threads += int(fields[17])
            pages += int(fields[21])
            alive.append(pid)
    if not alive:
        return None
    rss = pages * os.sysconf("SC_PAGE_SIZE") // 1024
    return {"cpu_s": cpu / TICKS, "rss_kib": rss, "threads": threads, "descriptors": _descriptors(alive)}


class ProcessProbe:
    """A process on this machine and its children. CPU comes in steps of 10 ms."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.source = f"pid {pid}"

    def read(self) -> Reading | None:
        return _of(family(self.pid))


# ---- containers ----


def _docker(*arguments: str) -> str:
    """What a docker command says; "" where it fails. Raises OSError where there is none."""
    with contextlib.suppress(subprocess.SubprocessError):
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603, S607
        return done.stdout.strip() if done.returncode == 0 else ""
    return ""


def _inspect(name: str) -> tuple[str, int]:
    """The id of a container, given itself or as a service of the compose project here, and its first process."""
    for candidate in (name, ""):
        asked = candidate or _docker("compose", "ps", "--quiet", name).partition("\n")[0]
        if asked and not asked.startswith("-"):
            said = _docker("inspect", "--type", "container", "--format", "{{.Id}} {{.State.Pid}}", asked).split()
            if len(said) == 2:
                return said[0], int(said[1])
    return "", 0


def group_of(pid: int, mounted: Iterable[str] = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")) -> Path | None:
    """The folder of a process's control group (version 2); None where there is none, or it is that of the whole machine."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return None
    path = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "/")
    if path == "/" or ".." in path:
        return None
    return next((Path(top + path) for top in mounted if os.path.exists(f"{top}{path}/cpu.stat")), None)


def _pairs(file: Path) -> dict[str, int]:
    """A file of lines `name number`; empty where there is none."""
    try:
        return {name: int(number) for name, number in map(str.split, file.read_text().splitlines())}
    except (OSError, ValueError):
        return {}


class ContainerProbe:
    """All processes of a container, by its control group where the kernel has version 2, else by its first process.

    Resident memory is what processes have mapped, as for a process: the page cache of files that they wrote is not theirs.
    """

    def __init__(self, name: str) -> None:
        self.source = f"container {name}"
        try:
            identity, self.pid = _inspect(name)
        except OSError:
            raise Refused(
                f"The container {name} cannot be looked at from here, there is no docker command"
                f"{' in this container' if os.path.exists('/.dockerenv') else ''}: leave --server-container out, "
                "or give the server's /metrics to --server-metrics."
            ) from None
        if not identity:
            raise Refused(f"There is no container, and no service of a compose project here, with the name {name}.")
        if not self.pid:
            raise Refused(f"The container {name} does not run.")
        try:
            is_ours = identity in Path(f"/proc/{self.pid}/cgroup").read_text()
        except OSError:
            is_ours = False
        if not is_ours:
            raise Refused(
                f"The processes of the container {name} are not on this machine, or not to be seen from here: "
                "leave --server-container out, or give the server's /metrics to --server-metrics."
            )
        self._group = group_of(self.pid)

    def read(self) -> Reading | None:
        if self._group is None:
            return _of(family(self.pid))
        return read_group(self._group)


def read_group(group: Path) -> Reading | None:
    """What a control group (version 2) says, and its processes where it says nothing; None where it is gone."""
    cpu = _pairs(group / "cpu.stat")
    pids = [int(pid) for folder, _, _ in os.walk(group) for pid in _words(Path(folder) / "cgroup.procs")]
    out = _of(pids)
    if out is None or "usage_usec" not in cpu:
        return out
    out["cpu_s"] = cpu["usage_usec"] / 1e6
    memory = _pairs(group / "memory.stat")
    if "anon" in memory and "file_mapped" in memory:
        out["rss_kib"] = (memory["anon"] + memory["file_mapped"]) // 1024
    return out


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


# ---- /metrics ----


def samples(text: str) -> dict[str, float]:
    """Prometheus' text format: the sum over all labels of each name. Lines that are none are left out."""
    out: dict[str, float] = {}
    for line in text.splitlines():
        found = _SAMPLE.fullmatch(line.strip())
        if found:
            with contextlib.suppress(ValueError):
                out[found[1]] = out.get(found[1], 0.0) + float(found[2])
    return out


def reading_of(text: str) -> Reading | None:
    """The figures that a process says of itself in Prometheus' text format; None where its CPU is not among them."""
    said = samples(text)
    if "process_cpu_seconds_total" not in said:
        return None
    rss = said.get("process_resident_memory_bytes")
    return {
        "cpu_s": said["process_cpu_seconds_total"],
        "rss_kib": -1 if rss is None else rss // 1024,
        "threads": said.get("process_threads", said.get("go_threads", -1)),
        "descriptors": said.get("process_open_fds", -1),
    }


class MetricsProbe:
    """A URL that answers in Prometheus' text format."""

    def __init__(self, url: str) -> None:
        self.source = url
        try:
            parts = urlsplit(url)
            port = parts.port
            (parts.hostname or "").encode("idna")
            (parts.path + parts.query).encode("ascii")
        except ValueError:
            port = 0
        if port == 0 or parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\x00-\x20\x7f]", url):
            raise Refused(f"--server-metrics is an address like http://127.0.0.1:9090/metrics, not {url!r}.")
        self._at = (parts.hostname, port)
        self._path = (parts.path or "/metrics") + (f"?{parts.query}" if parts.query else "")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None

    def check(self) -> None:
        """Raises Refused where there is nothing to read."""
        try:
            text = self._get()
        except (OSError, http.client.HTTPException) as why:
            reason = plain(getattr(why, "strerror", None) or str(why)[:200] or type(why).__name__)
            raise Refused(f"{self.source} (--server-metrics) gives no metrics: {reason}.") from None
        if reading_of(text) is None:
            raise Refused(f"{self.source} (--server-metrics) has no process_cpu_seconds_total.")

    def read(self) -> Reading | None:
        try:
            return reading_of(self._get())
        except (OSError, http.client.HTTPException):
            return None

    def _get(self) -> str:
        """Raises OSError or HTTPException."""
        end = time.monotonic() + PATIENCE
        host, port = self._at
        link: http.client.HTTPConnection
        if self._tls:
            link = http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=self._tls)
        else:
            link = http.client.HTTPConnection(host, port, timeout=PATIENCE)
        with contextlib.closing(link):
            link.request("GET", self._path)
            answer = link.getresponse()
            if answer.status != 200:
                raise http.client.HTTPException(f"it answers with status {answer.status}")
            text = b""
            while part := answer.read1(1 << 16):
                text += part
                if len(text) > LONGEST_ANSWER or time.monotonic() > end:
                    raise TimeoutError("its answer has no end")
            return text.decode(errors="replace")
