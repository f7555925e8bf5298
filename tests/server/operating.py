"""Operators for tests: a configuration with one of each kind, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from argon2 import PasswordHasher

from tests.server.harness import Client, Running

PASSWORD = "open-sesame"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)  # the cheapest there is

CONFIG = f"""
[operators.root]
password = "{HASH}"
operator_class = "everything"

[operators.helper]
password = "{HASH}"
capabilities = ["wallops"]

[operators.elsewhere]
password = "{HASH}"
hosts = ["192.0.2.0/24", "*.example"]

[operators.member]
password = "{HASH}"
account = "member"

[operators.card]
certificates = ["{"AB:" * 31}AB"]

[operator_classes.everything]
capabilities = ["kill", "ban", "chghost", "rehash", "wallops", "see_hidden", "override", "stats"]
"""


def configure(folder: Path, text: str = CONFIG) -> None:
    """Write the file that `running_server` reads."""
    (folder / "parley.toml").write_text(text, encoding="utf-8")


def oper(client: Client, name: str = "root", password: str = PASSWORD) -> Client:
    """Make a client an operator."""
    lines = client.ask(f"OPER {name} {password}")
    assert any(" 381 " in line for line in lines), lines
    return client


def trail(caplog: pytest.LogCaptureFixture, client: Client) -> list[str]:
    """The audit log, with what came of the last command of `client`: the worker writes it in the same turn, before the next."""
    client.sync()
    return [record.getMessage() for record in caplog.records if record.name == "parley.audit"]


def sessions(server: Running) -> list[str]:
    """The nicks that are here."""
    net = server.server.sequencer.net
    with server.server.sequencer.lock:
        return sorted(user.nick for user in net.users.values())
