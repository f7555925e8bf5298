"""`python -m server account`: with the server running, and without."""

from __future__ import annotations

import io
import json
import socket
import stat
from pathlib import Path

import pytest

from server.account_cli import main
from server.cli import main as server_main
from server.commands.accounts import keep_invitation
from server.commands.credentials import keep
from server.commands.operator_requests import Denied, prepare
from server.settings.people import Accounts
from server.state.accounts import Account, Invitation
from server.store.sqlite import SqliteStore
from server.transport.control import NAME, Unreachable, ask, short_path
from tests.server.harness import Client, running_server
from tests.server.logins import answers, log_in, register

CHEAP = ("--set", "accounts.argon2_memory_kib=8", "--set", "accounts.argon2_time=1", "--set", "accounts.scram_iterations=4096")


class Tool:
    """The command line with a data folder, its standard input and what it says."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *argv: str, stdin: str = "") -> tuple[int, str]:
        """The exit code, and the one stream that has something."""
        self._monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main([*argv, "--data", str(self.data), *CHEAP])
        out, err = self._capsys.readouterr()
        assert bool(out) != bool(err)
        return code, out or err


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tool:
    return Tool(tmp_path / "data", monkeypatch, capsys)


def test_a_store_is_not_made_by_a_slip_in_its_path(tool: Tool) -> None:
    sentence = f"parley: There is no store in {tool.data}: start the server once, or give its --data.\n"
    assert tool.run("add", "alice", stdin="sesame\n") == (1, sentence)
    assert tool.run("list") == (1, sentence)
    assert not tool.data.exists()
    SqliteStore(tool.data).close()
    assert tool.run("list") == (0, "There are no accounts yet.\n")


def test_without_a_server_and_then_with_one(tool: Tool) -> None:
    SqliteStore(tool.data).close()
    assert tool.run("add", "alice", stdin="sesame\n") == (0, "Added alice.\n")
    assert tool.run("add", "bob", stdin="sesame\n") == (0, "Added bob.\n")
    assert tool.run("drop", "bob") == (0, "Dropped bob.\n")
    code, said = tool.run("invite", "--uses", "2", "--days", "1")
    assert (code, said[:7]) == (0, "invite:")
    with (
        running_server(tool.data, store_kind="sqlite", accounts_registration="invitation") as server,
        Client(server, "guest") as guest,
        Client(server, "carol") as carol,
    ):
        log_in(guest, "alice")
        register(carol, email=said.strip())
        assert tool.run("passwd", "alice", stdin="other\n") == (0, "alice has a new password.\n")
        log_in(carol, "alice", "other")
        listed = tool.run("list")[1]
        assert [line.partition(" ")[0] for line in listed.splitlines()] == ["alice", "carol", said.strip()]
        assert "for 1 more until" in listed
        assert tool.run("drop", "alice")[0] == 0
        assert "901" in answers(guest.sync()), "whoever was logged in is nobody now"


def test_both_ways_say_the_same_of_a_mistake(tool: Tool) -> None:
    SqliteStore(tool.data).close()
    tool.run("add", "alice", stdin="sesame\n")
    mistakes = [
        (("add", "alice"), "sesame", "This name is registered already."),
        (("add", "a1ice"), "sesame", "This name looks too much like one that is registered."),
        (("add", "NickServ"), "sesame", "An account's name is one that a nickname may be, and none that the server uses."),
        (("add", "bob"), "", "A password has 1 to 1000 bytes, without control characters."),
        (("passwd", "bob"), "sesame", "There is no account 'bob'; `account list` shows those there are."),
        (("drop", "bob"), "", "There is no account 'bob'; `account list` shows those there are."),
        (("invite", "--uses", "0"), "", "An invitation is for 1 to 100000 people and lasts 1 to 3650 days."),
    ]
    for argv, stdin, sentence in mistakes:
        assert tool.run(*argv, stdin=stdin) == (1, f"parley: {sentence}\n")
    with running_server(tool.data, store_kind="sqlite"):
        for argv, stdin, sentence in mistakes:
            assert tool.run(*argv, stdin=stdin) == (1, f"parley: {sentence}\n")


def test_codes_are_shown_and_accounts_confirmed(tool: Tool) -> None:
    waiting = {"store_kind": "sqlite", "accounts_verification": "operator"}
    with running_server(tool.data, **waiting) as server, Client(server, "alice") as alice:
        alice.ask("REGISTER * alice@example.org sesame")
        account = server.server.sequencer.net.book.get("alice")
        assert account is not None
        assert f"waits for its code {account.code}, alice@example.org" in tool.run("list")[1]
        assert tool.run("confirm", "alice") == (0, "alice is verified.\n")
        log_in(alice, "alice")
        alice.ask("NICK wonder", "NS GROUP", "NS CERT ADD " + "ab" * 32)
        assert "nicks wonder, 1 certificates" in tool.run("list")[1]


def test_only_so_many(tool: Tool) -> None:
    with running_server(tool.data, store_kind="sqlite", accounts_most=1):
        assert tool.run("add", "alice", stdin="sesame\n")[0] == 0
        assert tool.run("add", "bob", stdin="sesame\n") == (1, "parley: There are as many accounts as accounts.most allows.\n")


def test_the_socket_is_for_the_servers_own_user_and_goes_with_it(tool: Tool) -> None:
    with running_server(tool.data, store_kind="sqlite"):
        assert stat.S_IMODE((tool.data / NAME).stat().st_mode) == 0o600
    assert not (tool.data / NAME).exists()
    (tool.data / NAME).write_text("left by a server that was killed")
    with running_server(tool.data, store_kind="sqlite"):
        assert tool.run("add", "alice", stdin="sesame\n")[0] == 0


@pytest.mark.parametrize(
    "line", [b"", b"nonsense\n", b"[]\n", b'{"do": 1}\n', b'{"do": "explode"}\n', b'{"do": "invite", "uses": "x"}\n']
)
def test_requests_that_are_none(tool: Tool, line: bytes) -> None:
    with running_server(tool.data, store_kind="sqlite"), socket.socket(socket.AF_UNIX) as sock:
        with short_path(tool.data / NAME) as path:
            sock.connect(path)
        sock.sendall(line)
        sock.shutdown(socket.SHUT_WR)
        assert "error" in json.loads(sock.makefile("rb").readline())
        assert ask(tool.data, {"do": "list"}) == []


def test_no_server_there(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        ask(tmp_path, {"do": "list"})


def test_a_fault_of_ours_is_told_and_logged(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> list[str]:
        raise RuntimeError("boom")

    with running_server(tool.data, store_kind="sqlite") as server:
        monkeypatch.setattr("server.transport.control.carry_out", broken)
        assert tool.run("list") == (1, "parley: The server failed to do that; its log says more.\n")
        server.errors.clear()


def test_the_memory_store_has_no_accounts_without_a_server(tool: Tool) -> None:
    code, said = tool.run("list", "--store", "memory")
    assert (code, "start it first" in said) == (1, True)


def test_a_memory_server_has_a_socket_where_there_is_a_folder(tool: Tool) -> None:
    with running_server(tool.data):
        assert not tool.data.exists()
    tool.data.mkdir()
    with running_server(tool.data):
        assert tool.run("add", "alice", "--store", "memory", stdin="sesame\n")[0] == 0


def test_mistakes_at_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert server_main(["account", "explode"]) == 1
    assert capsys.readouterr().err.startswith("parley: argument COMMAND: invalid choice: 'explode'")
    assert server_main(["account", "list", "--nonsense"]) == 1
    assert "--nonsense: there is no such flag" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_at_a_terminal_a_password_is_typed_twice(
    tool: Tool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    SqliteStore(tool.data).close()
    typed = iter(["sesame", "sesam", "sesame", "sesame"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    monkeypatch.setattr("sys.stdin", Terminal())
    argv = ["add", "alice", "--data", str(tool.data), *CHEAP]
    assert main(argv) == 1
    assert capsys.readouterr().err == "parley: The two passwords differ; run the command again.\n"
    assert main(argv) == 0

    def interrupted(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("getpass.getpass", interrupted)
    assert main(argv) == 1


def test_a_request_has_to_be_a_mapping() -> None:
    with pytest.raises(Denied):
        prepare(["do"], Accounts())


def test_without_a_socket_there_is_a_warning_and_a_server(tool: Tool, caplog: pytest.LogCaptureFixture) -> None:
    (tool.data / NAME).mkdir(parents=True)  # what cannot be removed like a file
    with running_server(tool.data, store_kind="sqlite"):
        assert "no control socket in" in caplog.text
        code, said = tool.run("list")
        assert (code, "in use by another parley server" in said) == (1, True)


def test_invitations_end_and_are_limited(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.commands.operator_requests._MOST_INVITATIONS", 1)
    with running_server(tool.data, store_kind="sqlite") as server:
        sequencer = server.server.sequencer
        with sequencer.lock:
            keep_invitation(sequencer.net, "old", Invitation("old", 1, 1))
        assert tool.run("invite")[0] == 0
        assert "old" not in sequencer.net.book.invitations
        assert tool.run("invite") == (1, "parley: There are 1 invitations already.\n")


def test_a_lapsed_name_can_be_added(tool: Tool) -> None:
    with running_server(tool.data, store_kind="sqlite") as server:
        sequencer = server.server.sequencer
        with sequencer.lock:
            keep(sequencer.net, Account("alice", 1, code="never given"))
        assert tool.run("add", "alice", stdin="sesame\n") == (0, "Added alice.\n")


def test_what_is_not_on_disk_in_time_is_not_told_as_done(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_server(tool.data, store_kind="sqlite") as server:
        monkeypatch.setattr("server.transport.control._PATIENCE_S", 0.05)
        monkeypatch.setattr(server.server.sequencer, "settle", lambda: None)
        answer = tool.run("add", "alice", stdin="sesame\n")
        monkeypatch.undo()
    assert answer == (1, "parley: The disk does not take it; see the server's log.\n")
