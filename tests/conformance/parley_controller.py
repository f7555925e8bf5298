"""How irctest (https://github.com/progval/irctest) starts this server, and what it may expect of it.

cd $IRCTEST && PYTHONPATH=.:REPOSITORY pytest --controller tests.conformance.parley_controller irctest/server_tests/join.py
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from irctest import patma  # type: ignore[import-not-found,unused-ignore]
from irctest.basecontrollers import (  # type: ignore[import-not-found,unused-ignore]
    BaseServerController,
    DirectoryBasedController,
)
from irctest.specifications import (  # type: ignore[import-not-found,unused-ignore]
    Capabilities,
    OptionalBehaviors,
)

from tests.conformance.tlsglue import TlsMixin

REPOSITORY = Path(__file__).resolve().parents[2]
# The server's own interpreter, which need not be that of the suite.
PYTHON = os.environ.get("PARLEY_PYTHON", sys.executable)


@cache
def _certificates() -> Path:
    """Made once for the whole run: a server start is one test, and there are hundreds."""
    import atexit  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="parley-irctest-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command = [PYTHON, "-m", "certs", "init", str(folder), "--host", "localhost", "--host", "127.0.0.1"]
    subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    return folder


def _tree() -> defaultdict[str, Any]:
    return defaultdict(_tree)


def _always_on(edit: Callable[[dict[str, Any]], Any] | None) -> bool:
    """Whether a test wants accounts to stay in their rooms: what it changes in another server's configuration says so."""
    config = _tree()
    if edit is not None:
        edit(config)
    return config["accounts"]["multiclient"].get("always-on") in ("opt-out", "mandatory")


# OPER operuser operpassword; the cheapest hash there is.
CONFIG = """
[operators.operuser]
password = "$argon2id$v=19$m=8,t=1,p=1$WizIj+a9Ddtu+yhd1E9Qnw$rT/wGVNWn+uybDHZOtBExAEoT1E2D8Q0NfRnG/SSLEI"
capabilities = ["kill", "ban", "rehash", "wallops", "see_hidden", "override", "stats"]
"""


class ParleyController(TlsMixin, BaseServerController, DirectoryBasedController):  # type: ignore[misc,unused-ignore]
    """One server a test, in memory, without limits."""

    software_name = "Parley"
    supports_sts = False
    supported_sasl_mechanisms: frozenset[str] = frozenset({"PLAIN", "SCRAM-SHA-256"})
    extban_mute_char = "m"
    # What is promised: a test that would skip for want of one of these fails.
    capabilities = frozenset(
        {
            Capabilities.ACCOUNT_NOTIFY,
            Capabilities.ACCOUNT_TAG,
            Capabilities.AWAY_NOTIFY,
            Capabilities.BATCH,
            Capabilities.ECHO_MESSAGE,
            Capabilities.EXTENDED_JOIN,
            Capabilities.EXTENDED_MONITOR,
            Capabilities.LABELED_RESPONSE,
            Capabilities.MESSAGE_REDACTION,
            Capabilities.MESSAGE_TAGS,
            Capabilities.MULTILINE,
            Capabilities.MULTI_PREFIX,
            Capabilities.READ_MARKER,
            Capabilities.SERVER_TIME,
            Capabilities.SETNAME,
        }
    )
    optional_behaviors = frozenset(
        {
            OptionalBehaviors.BAN_EXCEPTION_MODE,
            OptionalBehaviors.CAP_REQ_MINUS,
            OptionalBehaviors.ELIST_C,
            OptionalBehaviors.ELIST_M,
            OptionalBehaviors.ELIST_N,
            OptionalBehaviors.ELIST_T,
            OptionalBehaviors.ELIST_U,
            OptionalBehaviors.INVITE_EXCEPTION_MODE,
            OptionalBehaviors.INVITE_LIST,
            OptionalBehaviors.INVITE_OVERRIDES_LIMIT,
            OptionalBehaviors.METADATA_BEFORE_CONNECT,
            OptionalBehaviors.MULTI_JOIN,
            OptionalBehaviors.MULTI_KICK,
            OptionalBehaviors.MULTI_NAMES_COMMAND,
            OptionalBehaviors.MULTI_PRIVMSG,
            OptionalBehaviors.NO_CTCP,
            OptionalBehaviors.SASL_AFTER_REGISTRATION,
            OptionalBehaviors.SASL_REAUTHENTICATION,
        }
    )
    isupport = {  # noqa: RUF012 - irctest's own way
        "ACCOUNTEXTBAN": "a",
        "BOT": "B",
        "CASEMAPPING": "ascii",
        "CHATHISTORY": patma.ANYSTR,
        "ELIST": patma.StrRe("C?M?N?T?U?"),
        "EXCEPTS": "e",
        "EXTBAN": ",am",
        "INVEX": "I",
        "MONITOR": patma.ANYSTR,
        "MSGREFTYPES": "msgid,timestamp",
        "PREFIX": "(qaohv)~&@%+",
        "SAFERATE": None,
        "STATUSMSG": "~&@%+",
        "TARGMAX": patma.ANYSTR,
        "UTF8ONLY": None,
        "WHOX": None,
    }

    def run(
        self,
        hostname: str,
        port: int,
        *,
        password: str | None,
        ssl: bool,
        run_services: bool,
        faketime: str | None,
        websocket_hostname: str | None = None,
        websocket_port: int | None = None,
    ) -> None:
        """Start the server; irctest's parameters. `ssl` says nothing: it is always TLS."""
        del ssl, run_services
        self.hostname, self.port = hostname, port
        self.create_config()
        (self.directory / "data").mkdir(exist_ok=True)
        config = self.directory / "parley.toml"
        config.write_text(CONFIG, encoding="utf-8")
        command = [
            *self._faster(faketime),
            *(PYTHON, "-m", "server", "--config", str(config)),
            *("--certs", str(_certificates()), "--data", str(self.directory / "data")),
            *("--listen", f"127.0.0.1:{port}", "--plain-listen", "off"),
            *("--store", "memory", "--limits", "off"),
        ]
        if websocket_port:
            command += ["--websocket-listen", f"{websocket_hostname or '127.0.0.1'}:{websocket_port}"]
        accounts = {
            "PARLEY_ACCOUNTS_BEFORE_CONNECT": str(self.test_config.account_registration_before_connect),
            "PARLEY_ACCOUNTS_EMAIL_REQUIRED": str(self.test_config.account_registration_requires_email),
            "PARLEY_ACCOUNTS_REJOIN": str(_always_on(self.test_config.ergo_config)),
            # A server start is one test: what makes passwords hard to guess would make the suite slow.
            "PARLEY_ACCOUNTS_ARGON2_MEMORY_KIB": "8",
            "PARLEY_ACCOUNTS_ARGON2_TIME": "1",
            "PARLEY_ACCOUNTS_SCRAM_ITERATIONS": "4096",
        }
        names = {"PARLEY_NAME": "My.Little.Server", "PARLEY_DESCRIPTION": "test server"}
        environment = {**os.environ, **accounts, **names, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": ""}
        if password is not None:
            environment["PARLEY_PASSWORD"] = password
        self.proc = self.execute(command, env=environment, cwd=REPOSITORY)

    def _faster(self, faketime: str | None) -> list[str]:
        """What makes the server's wall clock run as fast as a test wants (`+1y x30`).

        It begins today, when the certificate is good, and deadlines, which are on the other clock, stay as they are.
        """
        if not faketime or shutil.which("faketime") is None:
            return []
        self.faketime_enabled = True
        return ["faketime", "--exclude-monotonic", "-f", f"+0 {faketime.split()[-1]}"]

    def registerUser(self, case: Any, username: str, password: str | None = None) -> None:
        """Have an account made, as a client of its own does it: connect, REGISTER, QUIT."""
        assert password is not None
        if len(password) > 400:  # more than a line holds: the operator adds this one
            self.wait_for_port()
            request = {"do": "add", "name": username, "password": password}
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(self.directory / "data" / "control.sock"))
                sock.sendall(json.dumps(request).encode() + b"\n")
                assert "Added" in sock.recv(4096).decode()
            return
        client = case.addClient(show_io=False)
        case.sendLine(client, "CAP LS 302")
        case.sendLine(client, f"NICK {username}")
        case.sendLine(client, "USER r e g :user")
        case.sendLine(client, "CAP END")
        case.skipToWelcome(client)
        case.getMessages(client)
        case.sendLine(client, f"REGISTER * * :{password}")
        answers = [message for message in case.getMessages(client) if message.command in ("REGISTER", "FAIL", "417")]
        assert [message.params[:2] for message in answers] == [["SUCCESS", username]], answers
        case.sendLine(client, "QUIT")
        case.assertDisconnected(client)

    def wait_for_services(self) -> None:
        """Accounts are part of the server."""


def get_irctest_controller_class() -> Any:
    """What irctest asks a controller module for."""
    return ParleyController
