"""Servers that a comparison starts: their configurations and command lines, that they serve, and that they end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.options import Refused
from loadtest.targets import READY, Address, Cores, Elsewhere, Started, certificates
from loadtest.targets import process as processes
from loadtest.targets.recipes import Place
from loadtest.targets.running import with_path

SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
ANY = Cores(None, None)


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates(tmp_path_factory.mktemp("compare") / "certs")


def started(name: str, certs: Path, scratch: Path, cores: Cores = ANY) -> Started:
    return Started(READY[name], certs, scratch, cores)


def test_configurations_are_filled_in(tmp_path: Path) -> None:
    place = Place(tmp_path / "run", 12345, tmp_path / "certs")
    for name in ("ngircd", "inspircd"):
        text = "\n".join(READY[name].files(place).values())
        assert "12345" in text
        assert str(tmp_path / "certs" / "server" / "cert.pem") in text
        assert "+VERS-TLS1.3" in text
        assert "$" not in text.replace("$names", "")
    assert "MaxPenaltyTime = 0" in READY["ngircd"].files(place)["ngircd.conf"]
    assert 'fakelag="off"' in READY["inspircd"].files(place)["inspircd.conf"]


def test_command_lines(tmp_path: Path) -> None:
    place = Place(tmp_path, 12345, tmp_path / "certs")
    stores = {}
    for name in ("parley", "parley-memory"):
        line = READY[name].arguments(place)
        stores[name] = line[line.index("--store") + 1]
        assert line[line.index("--limits") + 1] == "off"
        assert line[line.index("--listen") + 1] == "127.0.0.1:12345"
        assert {"tls.profile=modern", "store.synchronous=FULL"} <= set(line)
        assert "X25519" in READY[name].files(place)["openssl.cnf"]
    assert stores == {"parley": "sqlite", "parley-memory": "memory"}
    assert READY["ngircd"].arguments(place) == ["-n", "-f", str(tmp_path / "ngircd.conf")]
    assert READY["inspircd"].arguments(place)[-3:] == ["--nofork", "--config", str(tmp_path / "inspircd.conf")]


@pytest.mark.parametrize("name", list(READY))
def test_a_ready_server_serves_tls_1_3_and_ends(name: str, certs: Path, tmp_path: Path) -> None:
    program = READY[name].program
    if program and not shutil.which(program, path=SBIN):
        pytest.skip(f"{program} is not installed (apt-get install {program})")
    target = started(name, certs, tmp_path, Cores.here())
    context = ssl.create_default_context(cafile=str(certs / "ca.pem"))
    assert target.version()
    with target.running() as address:
        host, _, port = address.host.rpartition(":")
        with socket.create_connection((host, int(port)), 20) as raw, context.wrap_socket(raw, server_hostname=host) as tls:
            cipher = tls.cipher()
            assert cipher is not None
            assert (tls.version(), cipher[0]) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
            tls.sendall(b"NICK one\r\nUSER one 0 * :One\r\nPING :here\r\n")
            said = b""
            while b" 422 " not in said and b" 376 " not in said:
                got = tls.recv(4096)
                assert got, said
                said += got
        one_core = Cores.here().server
        if one_core is not None:
            assert os.sched_getaffinity(address.pid) == one_core
        assert address.ca == str(certs / "ca.pem")
    assert not os.path.exists(f"/proc/{address.pid}")
    assert not list(tmp_path.iterdir())


def test_a_program_that_is_not_installed_is_one_sentence(certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(Refused, match="ngircd is not installed: apt-get install ngircd"):
        started("ngircd", certs, tmp_path).version()


def test_a_server_that_does_not_start_is_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(Refused, match=r"parley ended before it listened \(code 1\): .*cert"),
        started("parley", tmp_path, tmp_path).running(),
    ):
        pytest.fail("it runs without certificates")
    assert not list(tmp_path.iterdir())


def test_certificates_that_cannot_be_made_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="No certificates could be made"):
        certificates(tmp_path / "file")


def test_a_server_elsewhere_is_left_alone(tmp_path: Path) -> None:
    target = Elsewhere("mine", Address("127.0.0.1:1", "ca.pem"))
    with target.running() as address:
        assert address.host == "127.0.0.1:1"
    assert target.version() == ""
    assert any("no figures of the server" in note for note in target.notes)
    assert not any("no figures" in note for note in Elsewhere("mine", Address("127.0.0.1:1", "ca.pem", 1)).notes)


def test_cores_are_split_between_server_and_generator() -> None:
    assert Cores.split([3, 1, 2]) == Cores(frozenset({1}), frozenset({2, 3}))
    assert Cores.split([0]) == Cores(None, None)
    assert "server pinned to 1 core, generator to the other 2" in Cores.split([3, 1, 2]).words
    assert "share" in ANY.words


LISTEN = "import os, signal, socket, time\n{first}\ns = socket.create_server(('127.0.0.1', {port}))\n{then}\ntime.sleep(600)"


def python(code: str, folder: Path) -> subprocess.Popen[bytes]:
    return processes.spawn([sys.executable, "-c", code], folder=folder, log=folder / "log", cores=None, environ=with_path())


def test_the_process_that_serves_is_found_where_a_server_forks(tmp_path: Path) -> None:
    """The parent starts, gives the socket to a child, and goes."""
    port = processes.free_port()
    process = python(LISTEN.format(port=port, first="", then="os.fork() and os._exit(0)"), tmp_path)
    try:
        pid = processes.wait_until_serving(process, port, "it", tmp_path / "log", 60)
        process.wait(60)
        pid = processes.wait_until_serving(process, port, "it", tmp_path / "log", 60)
        assert pid not in (0, process.pid)
    finally:
        processes.end(process)
    assert processes.listener(process.pid, port) == 0
    assert processes.session(process.pid) == []


def test_a_process_that_ignores_sigterm_is_ended(tmp_path: Path) -> None:
    port = processes.free_port()
    process = python(LISTEN.format(port=port, first="signal.signal(signal.SIGTERM, signal.SIG_IGN)", then=""), tmp_path)
    processes.wait_until_serving(process, port, "it", tmp_path / "log", 60)
    processes.end(process, 0.1)
    assert process.returncode == -signal.SIGKILL
    processes.end(process)  # again: nothing


def test_a_server_that_never_listens_is_one_sentence(tmp_path: Path) -> None:
    process = python("import time; time.sleep(600)", tmp_path)
    try:
        with pytest.raises(Refused, match=r"it did not listen within 0\.1 s: it said nothing\."):
            processes.wait_until_serving(process, processes.free_port(), "it", tmp_path / "log", 0.1)
    finally:
        processes.end(process)
