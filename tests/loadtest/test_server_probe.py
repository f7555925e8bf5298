"""What the server costs: by process, by container (with a docker of our own making) and from /metrics."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest import server_probe
from loadtest.refused import Refused
from loadtest.server_probe import family, group_of, probe_for, read_group, reading_of, samples


def settings(**given: Any) -> SimpleNamespace:
    return SimpleNamespace(**({"server_pid": 0, "server_container": "", "server_metrics": ""} | given))


@contextlib.contextmanager
def python(code: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs `code`, until the block ends; it has said a line, and ends when its input does."""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.communicate("\n")


QUIET = "print(flush=True); input()"
FORKING = """
import os, time
def burn():
    while time.process_time() < 0.2: pass
if os.fork() == 0:
    burn(); os._exit(0)
os.wait()  # one child has ended
read, write = os.pipe()
if os.fork() == 0:
    os.close(write); big = b"x" * (32 << 20); burn(); print(flush=True)
    os.read(read, 1); os._exit(0)  # one lives until its parent ends
input()
"""


def test_nothing_given_is_nothing_read() -> None:
    probe = probe_for(settings())
    assert (probe.read(), probe.source) == (None, "")


def test_a_process() -> None:
    with python(QUIET) as process:
        probe = probe_for(settings(server_pid=process.pid))
        found = probe.read()
        assert probe.source == f"pid {process.pid}"
        assert found is not None
        assert found["threads"] == 1
        assert 3 <= found["descriptors"] < 20
        assert 1_000 < found["rss_kib"] < 100_000
    assert probe.read() is None


@pytest.mark.parametrize("few_threads", [server_probe.FEW_THREADS, 0], ids=["lists of children", "whole /proc"])
def test_a_server_that_forks_is_measured_whole(monkeypatch: pytest.MonkeyPatch, few_threads: int) -> None:
    monkeypatch.setattr(server_probe, "FEW_THREADS", few_threads)
    with python(FORKING) as process:
        assert len(family(process.pid)) == 2
        found = probe_for(settings(server_pid=process.pid)).read()
    assert found is not None
    assert found["cpu_s"] >= 0.3  # 0.2 of the living child, 0.2 of the one that has ended; the kernel counts in ticks
    assert found["threads"] == 2
    assert found["rss_kib"] > 32 << 10


def test_descriptors_that_nobody_may_see_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def may_not(path: str) -> list[str]:
        if path.endswith("/fd"):
            raise PermissionError
        return real(path)

    real = os.listdir
    monkeypatch.setattr("os.listdir", may_not)
    found = probe_for(settings(server_pid=os.getpid())).read()
    assert found is not None
    assert found["descriptors"] == -1


# ---- containers ----

NAME = "0123456789abcdef"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker that knows the container `chat`, as a container and as the service `server`; its file `pid` says which process."""
    script = tmp_path / "docker"
    script.write_text(
        f"""#!/bin/sh
for last; do :; done
case "$1 $last" in
    "compose server") echo {NAME} ;;
    "inspect chat" | "inspect {NAME}") echo {NAME} $(cat {tmp_path}/pid) ;;
    *) exit 1 ;;
esac
"""
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "pid").write_text(str(os.getpid()))
    return tmp_path


class Elsewhere:
    """Stands in for a file of /proc that says which control group a process is in."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
        real = Path.read_text

        def read_text(path: Path, *how: Any, **more: Any) -> str:
            return says if str(path) == f"/proc/{os.getpid()}/cgroup" else real(path, *how, **more)

        monkeypatch.setattr(Path, "read_text", read_text)


@pytest.mark.parametrize("name", ["chat", "server"])
def test_a_container_by_its_name_or_its_service(docker: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    Elsewhere(monkeypatch, f"3:cpu:/docker/{NAME}\n")
    probe = probe_for(settings(server_container=name))
    found = probe.read()
    assert probe.source == f"container {name}"
    assert found is not None  # no control group of version 2: by the process
    assert found["threads"] >= 1
    assert found["rss_kib"] > 0


def test_a_container_by_its_control_group(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Elsewhere(monkeypatch, f"0::/docker/{NAME}\n")
    monkeypatch.setattr(server_probe, "group_of", lambda pid: docker)
    (docker / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    (docker / "inner").mkdir()
    (docker / "inner" / "cgroup.procs").write_text(f"{os.getpid()}\n")
    found = probe_for(settings(server_container="chat")).read()
    assert found is not None
    assert found["cpu_s"] == 1.5
    assert found["rss_kib"] > 1_000  # of its processes, since there is no memory.stat
    (docker / "memory.stat").write_text("anon 2048\nfile 999999999\nfile_mapped 1024\n")
    found = read_group(docker)
    assert found is not None
    assert found["rss_kib"] == 3
    (docker / "inner" / "cgroup.procs").write_text("")
    assert read_group(docker) is None


def test_a_group_is_found_where_it_is_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Elsewhere(monkeypatch, "3:cpu:/other\n0::/docker/x\n")
    assert group_of(os.getpid(), (str(tmp_path),)) is None
    (tmp_path / "docker" / "x").mkdir(parents=True)
    (tmp_path / "docker" / "x" / "cpu.stat").touch()
    assert group_of(os.getpid(), ("/nowhere", str(tmp_path))) == tmp_path / "docker" / "x"


@pytest.mark.parametrize("says", ["0::/\n", "3:cpu:/x\n", "0::/../../x\n"])
def test_the_group_of_the_whole_machine_is_no_containers(monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    Elsewhere(monkeypatch, says)
    assert group_of(os.getpid(), ("/",)) is None
    assert group_of(1 << 30) is None


def test_no_docker_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match=r"there is no docker command.*--server-metrics"):
        probe_for(settings(server_container="chat"))


@pytest.mark.parametrize("name", ["nobody", "-v"])
def test_no_such_container_is_one_sentence(docker: Path, name: str) -> None:
    with pytest.raises(Refused, match="There is no container"):
        probe_for(settings(server_container=name))


def test_a_docker_that_hangs_knows_no_container(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("docker", 10)

    monkeypatch.setattr("subprocess.run", hangs)
    with pytest.raises(Refused, match="There is no container"):
        probe_for(settings(server_container="chat"))


def test_a_container_that_does_not_run_is_one_sentence(docker: Path) -> None:
    (docker / "pid").write_text("0")
    with pytest.raises(Refused, match="does not run"):
        probe_for(settings(server_container="chat"))


@pytest.mark.parametrize("pid", [os.getpid(), 1 << 30], ids=["a stranger's", "nobody's"])
def test_a_container_of_another_machine_is_one_sentence(docker: Path, pid: int) -> None:
    (docker / "pid").write_text(str(pid))
    with pytest.raises(Refused, match=r"not on this machine, or not to be seen from here"):
        probe_for(settings(server_container="chat"))


# ---- /metrics ----

PYTHON = b"""# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12.5
process_resident_memory_bytes 1.048576e+07
process_open_fds 42.0 1700000000
process_threads 7
http_requests_total{method="post",code="200"} 1027
http_requests_total{method="post \\"}",code="400"} 3
a_gauge NaN
odd words in a line
wrong 1_0_x
"""


def test_the_text_format() -> None:
    assert samples(PYTHON.decode())["http_requests_total"] == 1030
    assert reading_of(PYTHON.decode()) == {"cpu_s": 12.5, "rss_kib": 10240, "threads": 7, "descriptors": 42}


def test_what_it_does_not_say_is_unknown() -> None:
    assert reading_of("process_cpu_seconds_total 1\n") == {"cpu_s": 1, "rss_kib": -1, "threads": -1, "descriptors": -1}
    assert reading_of("process_cpu_seconds_total 1\ngo_threads 9\n")["threads"] == 9  # type: ignore[index]
    assert reading_of("process_open_fds 3\n") is None


class Page(BaseHTTPRequestHandler):
    """Answers according to the path."""

    def do_GET(self) -> None:
        if self.path == "/evil":
            self.wfile.write(b"\x1b]0;title\x07\r\n")
            return
        self.send_response(404 if self.path == "/no" else 200)
        self.end_headers()
        with contextlib.suppress(OSError):  # it has heard enough
            self.wfile.write(b"x 1\n" if self.path == "/other" else PYTHON)
            while self.path == "/endless":
                self.wfile.write(b"x 1\n" * 10_000)

    def log_message(self, *_: Any) -> None:
        """Nothing is to be said."""


@pytest.fixture
def metrics() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_metrics_of_a_server(metrics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_probe, "PATIENCE", 20)
    for path in ("", "/metrics", "/metrics?all=1"):
        probe = probe_for(settings(server_metrics=metrics + path))
        assert probe.source == metrics + path
        assert probe.read() == {"cpu_s": 12.5, "rss_kib": 10240, "threads": 7, "descriptors": 42}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/no", "status 404"),
        ("/endless", "has no end"),
        ("/other", "has no process_cpu_seconds_total"),
        ("/evil", r"\\x1b\]0;title"),
    ],
)
def test_a_page_that_is_none_is_one_sentence(metrics: str, monkeypatch: pytest.MonkeyPatch, path: str, reason: str) -> None:
    monkeypatch.setattr(server_probe, "PATIENCE", 20)
    with pytest.raises(Refused, match=reason):
        probe_for(settings(server_metrics=metrics + path))


def test_a_server_that_has_gone_is_none(metrics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = server_probe.MetricsProbe(metrics.replace("127.0.0.1", "[::1]"))
    assert probe.read() is None
    with pytest.raises(Refused, match="gives no metrics"):
        probe.check()


@pytest.mark.parametrize(
    "url",
    [
        *("chat.example", "file:///etc/passwd", "http://", "http://x:0/", "http://x:99999999/", "http://x/a b", "http://x/\n"),
        *("http://[::1:9090/metrics", "http://a..b/", "http://x/é"),
    ],
)
def test_an_address_that_is_none_is_one_sentence(url: str) -> None:
    with pytest.raises(Refused, match="is an address like"):
        probe_for(settings(server_metrics=url))


def test_https_is_verified(metrics: str) -> None:
    with pytest.raises(Refused, match="gives no metrics"):
        probe_for(settings(server_metrics=metrics.replace("http://", "https://")))
