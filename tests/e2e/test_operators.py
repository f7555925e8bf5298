"""An operator has a server in a process of its own read its configuration again; a ban outlives the process."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from tests.e2e.irc import Client, tls
from tests.e2e.process import ServerProcess, serving
from tests.server.operating import CONFIG, HASH, PASSWORD


def test_rehash_by_command_and_by_signal(certs: Path, data: Path, tmp_path: Path) -> None:
    config = tmp_path / "parley.toml"
    config.write_text(CONFIG, encoding="utf-8")
    with serving(certs, data, "--config", str(config)) as server:
        alice = Client(server.port, server.ca, "alice", "#room")
        alice.send(f"OPER root {PASSWORD}")
        alice.until("381")
        config.write_text('description = "another"\n' + CONFIG + "[limits]\ntags = 100\n", encoding="utf-8")
        alice.send("REHASH")
        alice.until("382")
        report = "The configuration was read again; changed: description; only after a restart: limits.tags"
        assert alice.until("NOTICE").text == f"*** {report}"
        server.says(re.escape(report))
        alice.send("WHOIS alice")
        assert alice.until("312").text == "another"
        config.write_text("[limits]\ntags = 'many'\n", encoding="utf-8")
        server.signal(signal.SIGHUP)
        assert "limits.tags: 'many' is not possible" in alice.until("NOTICE").text
        server.says("ERROR the configuration was not read again, the old one stays: ")
        assert HASH not in server.log()
        assert PASSWORD not in server.log()
        server.says(r"REHASH, by alice!\S+ \(operator root, account none, address 127\.0\.0\.1\)")


def test_a_ban_outlives_a_kill(certs: Path, data: Path, tmp_path: Path) -> None:
    """Told means stored, for a ban as for a message."""
    config = tmp_path / "parley.toml"
    config.write_text(CONFIG, encoding="utf-8")
    server = ServerProcess(certs, data, "--config", str(config))
    try:
        alice = Client(server.port, server.ca, "alice", "#room")
        alice.send(f"OPER root {PASSWORD}", "DLINE FORCE 1h 127.0.0.0/24 :the whole house")
        alice.until("NOTICE", where=lambda line: "*** DLINE on 127.0.0.0/24" in line.text)
    finally:
        server.kill()
    with serving(certs, data, "--config", str(config)) as server, tls(server.port, server.ca) as refused:
        assert b"You are banned from this server: the whole house (until " in refused.recv(4096)
