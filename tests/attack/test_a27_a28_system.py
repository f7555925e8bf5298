"""A27 and A28: no descriptor, no thread is to be had."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.attack.control import PEOPLE
from tests.attack.rows import row
from tests.attack.siege import Account, Besiege
from tests.attack.tools import CHEAP, EXEMPT, besieged_as, dial, environment
from tests.e2e.irc import Client
from tests.e2e.process import PATIENCE, ROOT, bare, eventually, python
from tests.server.logins import plain


@row("A27")
def test_without_descriptors_the_server_waits_and_recovers(siege: Besiege) -> None:
    with siege(*EXEMPT) as it:
        old = resource.prlimit(it.server.pid, resource.RLIMIT_NOFILE)
        began, used = time.monotonic(), it.server.cpu()
        time.sleep(1)
        quiet = (it.server.cpu() - used) / (time.monotonic() - began)
        with it.attack():
            resource.prlimit(it.server.pid, resource.RLIMIT_NOFILE, (64 + PEOPLE, old[1]))
            crowd = [dial(it.server.port, number) for number in range(120)]
            it.server.says("cannot accept connections: Too many open files; raise the limit of open files")
            began, used = time.monotonic(), it.server.cpu()
            while it.goes_on(3):
                time.sleep(0.05)
            busy = (it.server.cpu() - used) / (time.monotonic() - began)
            it.figures["CPU while exhausted, above the quiet time's"] = f"{max(0.0, busy - quiet):.1%}"
            assert busy - quiet < 0.05
            for sock in crowd:
                sock.close()
            with Client(it.server.port, it.server.ca, "afterwards") as back:  # the limit is as low as it was
                back.goodbye()
        assert it.server.log().count("cannot accept connections") <= 2
        resource.prlimit(it.server.pid, resource.RLIMIT_NOFILE, old)


@row("A28")
def test_a_running_server_needs_no_further_thread(certs: Path, tmp_path: Path, accounts: list[Account]) -> None:
    """Everything that there is to do is done where starting a thread fails."""
    with besieged_as("tests.attack.no_threads", certs, tmp_path / "data", accounts, *EXEMPT, *CHEAP) as it, it.attack():
        turns = 0
        while it.goes_on():
            eve = Client(it.server.port, it.server.ca, f"eve{turns}", "#den", caps=("sasl", "batch", "draft/chathistory"))
            eve.send("REGISTER * * sesame-sesame")
            eve.until("REGISTER")
            eve.send(*plain(f"eve{turns}", "sesame-sesame"))
            eve.until("903")
            eve.say("#den", "hello")
            eve.history("#den")
            it.server.signal(signal.SIGHUP)
            eve.goodbye()
            turns += 1
        assert python("server", "account", "list", "--data", str(it.server.data), env=bare()).returncode == 0
        it.figures["registrations, logins, histories, reloads"] = turns


@row("A28")
@pytest.mark.parametrize("threads", [0, 3, 5])
def test_a_start_without_threads_is_refused_or_works(certs: Path, tmp_path: Path, threads: int) -> None:
    """What a server cannot do without ends its start with one sentence; it never hangs, and leaves no traceback."""
    command = [sys.executable, "-m", "tests.attack.no_threads", "--certs", str(certs), "--data", str(tmp_path / "data")]
    with environment(PARLEY_TEST_THREADS=str(threads)):
        server = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", "--plain-listen", "127.0.0.1:0"],
            cwd=ROOT,
            env=bare(),
            stderr=subprocess.PIPE,
            text=True,
        )
    with server:
        said = server.communicate(timeout=PATIENCE)[1]
    assert server.returncode == 1
    assert "Traceback" not in said, said
    assert "parley: no thread can be started: raise the limit of processes (ulimit -u, pids_limit)" in said


@row("A28")
def test_at_the_limit_of_a_control_group(siege: Besiege) -> None:
    """The same with the kernel's own refusal, as `pids_limit` of a container gives it."""
    group = Path("/sys/fs/cgroup/pids") / f"parley-test-{time.time_ns()}"
    with siege(*EXEMPT, *CHEAP) as it:
        try:
            group.mkdir()
        except OSError:
            pytest.skip("no control group for pids can be made here")
        try:
            (group / "cgroup.procs").write_text(f"{it.server.pid}\n")
            (group / "pids.max").write_text(f"{it.threads()}\n")
            with it.attack():
                turns = 0
                while it.goes_on():
                    eve = Client(it.server.port, it.server.ca, f"eve{turns}", "#den")
                    eve.send("REGISTER * * sesame-sesame")
                    eve.until("REGISTER")
                    eve.goodbye()
                    turns += 1
                it.figures["registrations at the limit"] = turns
            (group / "pids.max").write_text("max\n")
        finally:
            (group.parent / "cgroup.procs").write_text(f"{it.server.pid}\n")
            eventually(lambda: not (group / "cgroup.procs").read_text().split(), "the group is empty")
            group.rmdir()
