"""Accounts in the client: SASL PLAIN while connecting, what is said to services, and that no password is shown.

Source: https://ircv3.net/specs/extensions/sasl-3.1
"""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest

from client import cli
from client.address import Address
from client.arrival import find_login
from client.dialect import Refusal
from client.errors import Trouble
from client.irc import IrcProtocol
from client.login import MOST_TRIES, Login, check_account, find_password
from tests.client.conftest import OFFERED, Desk, Person
from tests.client.fake_server import PATIENCE, FakeServer


def test_sasl_plain() -> None:
    desk = Desk()
    assert desk.negotiate() == ["AUTHENTICATE PLAIN"]
    assert desk.gets("AUTHENTICATE +") == ["AUTHENTICATE " + base64.b64encode(b"\0grace\0pw").decode()]
    assert desk.gets(":s 900 * grace!*@h grace :You are now logged in as grace") == []
    assert desk.gets(":s 903 * :SASL authentication successful") == ["CAP END"]
    assert desk.gets(":s 903 * :again", "AUTHENTICATE +") == []
    desk.gets(":s 001 grace :hi")
    assert desk.rows() == ["-- logged in as grace", "-- connected as grace"]


@pytest.mark.parametrize("length", [0, 1, 291, 292, 293, 294, 295, 600, 5000])
def test_chunks(length: int) -> None:
    """ "The response is encoded in Base64, then split to 400-byte chunks ... if the last chunk was exactly 400 bytes long" """
    lines = [line.removeprefix("AUTHENTICATE ") for line in Login("grace", "x" * length).answer()]
    assert all(len(line) == 400 for line in lines[:-1])
    assert len(lines[-1]) < 400
    assert base64.b64decode("".join(lines).removesuffix("+" if lines[-1] == "+" else "")) == b"\0grace\0" + b"x" * length


@pytest.mark.parametrize("caps", ["", "echo-message", "sasl=EXTERNAL"])
def test_a_server_without_sasl_plain(caps: str) -> None:
    desk = Desk()
    desk.p.connected()
    desk.gets(f":s CAP * LS :{caps}")
    assert desk.p.refusal is not None
    assert desk.p.refusal.final
    assert "offers no login with a password" in desk.p.refusal.sentence


@pytest.mark.parametrize("line", [":s 001 grace :Welcome", ":s CAP * NAK :echo-message sasl"])
def test_a_server_that_goes_on_without_a_login(line: str) -> None:
    desk = Desk()
    desk.p.connected()
    desk.gets(":s CAP * LS :sasl", line)
    assert desk.p.refusal is not None
    assert not desk.p.registered
    desk.p.connected()
    assert desk.p.refusal is None


@pytest.mark.parametrize("number", ["421", "400", "451", "461"])
def test_a_server_that_offers_sasl_and_does_not_know_it(number: str) -> None:
    """It is said at once, and once: nothing else would end the greeting before its deadline."""
    desk = Desk()
    desk.p.connected()
    desk.gets(":s CAP * LS :sasl", f":s {number} grace USER :no", ":s CAP * ACK :sasl")
    assert desk.p.refusal is None
    assert desk.gets(f":s {number} grace AUTHENTICATE :Unknown command") == []
    assert desk.p.refusal is not None
    assert desk.p.refusal.final
    assert "offers no login with a password" in desk.p.refusal.sentence


def test_without_an_account_sasl_is_not_asked_for() -> None:
    desk = Desk(account="")
    desk.p.connected()
    desk.sent()
    assert desk.gets(f":s CAP * LS :{OFFERED}") == ["CAP REQ :echo-message"]
    assert desk.gets("AUTHENTICATE +", ":s 903 * :x") == []
    desk.p.log_in("x")
    assert not desk.p.needs_password


@pytest.mark.parametrize("numeric", ["902", "904", "905", "906"])
def test_a_wrong_password_is_asked_for_again(numeric: str) -> None:
    desk = Desk()
    desk.negotiate()
    desk.gets("AUTHENTICATE +", f":s {numeric} * :no \x1b[2J", f":s {numeric} * :no")
    refused = r"!! The server refused the login as grace (no \x1b[2J)."
    assert desk.rows() == [f"{refused} Enter the password again, or end the client with /quit."]
    assert desk.p.needs_password
    assert desk.p.refusal is None
    assert (desk.chat.prompt, desk.chat.hidden) == ("Enter your password: ", True)
    desk.types("")
    assert desk.p.needs_password
    desk.types(" other ")
    assert not desk.chat.hidden
    desk.negotiate()
    assert desk.gets("AUTHENTICATE +") == ["AUTHENTICATE " + base64.b64encode(b"\0grace\0 other ").decode()]


def test_who_has_to_wait_is_not_told_to_try_at_once() -> None:
    desk = Desk()
    desk.negotiate()
    desk.gets(":s 904 * :Too many tries; wait 37 seconds")
    refused = "!! The server refused the login as grace (Too many tries; wait 37 seconds)."
    assert desk.rows() == [f"{refused} After that, enter the password again, or end the client with /quit."]


def test_leaving_instead_of_a_password() -> None:
    desk = Desk()
    desk.negotiate()
    desk.gets(":s 904 * :no")
    desk.types("/quit")
    assert desk.left == 1


def test_nobody_to_ask_for_a_password() -> None:
    desk = Desk(asks=False)
    desk.negotiate()
    desk.gets(":s 904 * :SASL authentication failed")
    sentence = "The server refused the login as grace (SASL authentication failed): the account name or the password is wrong."
    assert desk.p.refusal == Refusal(sentence, final=True)


def test_other_mechanisms() -> None:
    desk = Desk()
    desk.negotiate()
    desk.gets(":s 908 * EXTERNAL :are available", ":s 904 * :failed")
    assert desk.p.refusal is not None
    assert "it offers EXTERNAL" in desk.p.refusal.sentence


def test_a_login_that_worked_is_tried_again_a_few_times() -> None:
    desk = Desk()
    desk.greet()
    final = []
    for _ in range(MOST_TRIES):
        desk.p.disconnected()
        desk.negotiate()
        desk.gets(":s 904 * :too busy")
        assert desk.p.refusal is not None
        final.append(desk.p.refusal.final)
    assert final == [False] * (MOST_TRIES - 1) + [True]
    assert not desk.p.needs_password
    desk.p.disconnected()
    desk.greet()
    desk.p.disconnected()
    desk.negotiate()
    desk.gets(":s 904 * :too busy")
    assert desk.p.refusal is not None
    assert not desk.p.refusal.final, "a success starts the count over"


def test_a_name_refused_before_the_login_is_asked_for_after_it() -> None:
    desk = Desk()
    desk.negotiate()
    assert desk.gets(":s 433 * grace :Nickname belongs to the account grace: log in first") == []
    assert desk.gets("AUTHENTICATE +", ":s 903 * :successful")[1:] == ["NICK grace", "CAP END"]
    desk.gets(":s 433 * grace :in use")
    assert desk.p.needs_name


def test_welcomed_under_another_name_and_renamed_later() -> None:
    desk = Desk()
    desk.greet("grace_")
    assert (desk.p.nick, desk.chat.view.nick) == ("grace_", "grace_")
    desk.gets(":grace_!u@h JOIN #lobby")
    desk.gets(":grace_!u@h NICK grace")
    assert (desk.p.nick, desk.chat.view.nick) == ("grace", "grace")
    desk.p.disconnected()
    desk.p.connected()
    assert "NICK grace" in desk.sent()


def test_status_and_errors_after_the_welcome() -> None:
    desk = Desk(account="")
    desk.greet()
    desk.screen.rows.clear()
    desk.gets(
        ":s 900 grace grace!u@h grace :You are now logged in as grace",
        ":s 396 grace a.cloak :is now your visible host",
        ":s 901 grace grace!u@h :You are now logged out",
        ":s REGISTER SUCCESS grace :Account registered",
        ":s FAIL REGISTER ACCOUNT_EXISTS grace :This name is registered already",
        ":s 904 grace :SASL authentication failed",
    )
    assert desk.rows() == [
        "-- logged in as grace",
        "-- your host name here is a.cloak",
        "-- logged out",
        "-- Account registered",
        "!! This name is registered already",
        "!! SASL authentication failed",
    ]


def test_the_servers_words_about_a_name() -> None:
    desk = Desk(account="")
    desk.p.connected()
    desk.gets(":s 433 * grace :Nickname belongs to the account grace, or looks like it: log in first")
    why = "Nickname belongs to the account grace, or looks like it: log in first"
    then = "enter another one, or leave and log in with --account NAME."
    assert desk.rows() == [f"!! The name grace is taken ({why}): {then}"]


# --- /register ---


def test_register() -> None:
    desk = Desk(account="")
    desk.greet()
    desk.types("/register")
    assert (desk.chat.prompt, desk.chat.hidden) == ("A password for your account: ", True)
    assert desk.types("a pass word") == []
    assert desk.chat.prompt == "The same again: "
    assert desk.types("a pass word") == ["REGISTER * * :a pass word"]
    assert (desk.chat.prompt, desk.chat.hidden) == ("[#lobby] ", False)
    assert "pass word" not in desk.screen.text()


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["one", "two"], "-- no account was asked for: the two were not the same"),
        ([""], "-- no account was asked for: that was nothing"),
        (["x" * 401] * 2, "!! a password has at most 400 bytes, and no control characters"),
        (["a\x07"] * 2, "!! a password has at most 400 bytes, and no control characters"),
    ],
)
def test_no_register(answers: list[str], said: str) -> None:
    desk = Desk(account="")
    desk.greet()
    for line in ["/register", *answers]:
        assert desk.types(line) == []
    assert desk.rows()[-1] == said
    assert not desk.chat.hidden


def test_a_password_being_typed_never_becomes_a_message() -> None:
    desk = Desk(account="")
    desk.greet()
    desk.types("/register")
    desk.p.disconnected()
    desk.types("s3cret")
    assert desk.types("s3cret") == []
    assert desk.rows()[-1] == "!! there is no connection at the moment"
    assert "s3cret" not in desk.screen.text()


def test_register_needs_a_terminal_and_no_argument() -> None:
    desk = Desk(account="", asks=False)
    desk.greet()
    assert desk.types("/register s3cret") == desk.types("/register") == []
    assert desk.rows()[-2:] == [
        "!! /register takes nothing after it: it asks for the password, without showing it.",
        "!! /register asks for a password, which takes a terminal (and prompt_toolkit).",
    ]


# --- /login ---


def test_log_in_from_inside() -> None:
    desk = Desk(account="")
    desk.greet()
    desk.p.receive(b":s CAP me NEW :sasl\r\n")
    assert desk.types("/login ada") == []
    assert (desk.chat.prompt, desk.chat.hidden) == ("The password of ada: ", True)
    assert desk.types("a pass word") == ["CAP REQ sasl", "AUTHENTICATE PLAIN"]
    assert "pass word" not in desk.screen.text()
    desk.types("/login")
    assert desk.chat.prompt == f"The password of {desk.chat.view.nick}: "
    assert desk.types("") == []
    assert desk.rows()[-1] == "-- not logged in: that was nothing"
    desk.types("/login")
    assert desk.types("a\x07") == []
    assert desk.rows()[-1] == "-- not logged in: a password has no control characters"


def test_a_password_that_was_refused_is_asked_for_again_before_it_is_typed_for_all_to_see() -> None:
    desk = Desk(account="")
    desk.greet()
    desk.p.receive(b":s CAP me NEW :sasl\r\n")
    desk.types("/login ada")
    desk.types("wrong")
    desk.gets("AUTHENTICATE +", ":s 904 grace :SASL authentication failed")
    assert desk.rows()[-1] == "!! the server refused the login as ada (SASL authentication failed)"
    assert (desk.chat.prompt, desk.chat.hidden) == ("The password of ada: ", True)
    assert desk.types("/login Ada") == []
    assert desk.chat.prompt == "The password of Ada: ", "what one types out of habit is no password"
    assert desk.types("s3cret")[-1] == "AUTHENTICATE PLAIN"
    desk.gets("AUTHENTICATE +", ":s 900 grace grace!*@h ada :You are now logged in as ada", ":s 903 grace :successful")
    assert desk.chat.view.front.target == "#lobby"
    assert desk.chat.view.front.entries.newest(1)[0].text == "logged in as ada", "said where it was asked for"
    assert not desk.chat.hidden


def test_a_command_is_not_taken_for_the_other_name_that_is_asked_for() -> None:
    desk = Desk(account="")
    desk.p.connected()
    desk.gets(":s CAP * LS :echo-message", ":s CAP * ACK :echo-message", ":s 433 * grace :That name is taken")
    assert desk.types("/login grace") == desk.types("/nick /login") == []
    assert desk.p.needs_name
    assert desk.rows()[-2:] == ["-- first another name, then /login: type a name", "-- first another name, then /nick: type a name"]
    desk.types("/nick Ada Lovelace")
    assert (desk.p.needs_name, desk.p.nick) == (False, "Ada_Lovelace")


def test_log_in_needs_a_terminal_and_no_password() -> None:
    desk = Desk(account="", asks=False)
    desk.greet()
    assert desk.types("/login ada s3cret") == desk.types("/login a,b") == desk.types("/login ada") == []
    assert [row[:30] for row in desk.rows()[-3:]] == [
        "!! /login takes an account and",
        "!! a,b is no name for a room o",
        "!! /login asks for a password,",
    ]


# --- where a password comes from ---


def test_where_a_password_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_PASSWORD", raising=False)
    assert find_password(None) is None
    monkeypatch.setenv("PARLEY_PASSWORD", "from env")
    assert find_password(None) == "from env"
    file = tmp_path / "pw"
    file.write_bytes("from file ä\r\nmore\n".encode())
    assert find_password(str(file)) == "from file ä"
    for bad in (b"", b"\n", b"a\x00b", b"\xff"):
        file.write_bytes(bad)
        with pytest.raises(Trouble):
            find_password(str(file))
    with pytest.raises(Trouble, match="No such file"):
        find_password(str(tmp_path / "nowhere"))
    with pytest.raises(Trouble):
        check_account("a b")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--account", "grace"], "The account grace needs its password: in $PARLEY_PASSWORD, or with --password-file FILE.\n"),
        (["--account", "a b", "--name", "x"], "'a b' is no account"),
        (["--account", "grace", "--plain"], "The plain protocol knows no accounts"),
        (["--name", "x", "--password-file", __file__], "A password is for an account"),
        (["--account", "grace", "--password-file", "/nowhere"], "The password file /nowhere cannot be read (No such file"),
    ],
)
def test_mistakes_in_the_command(
    arguments: list[str], sentence: str, ca: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PARLEY_PASSWORD", raising=False)
    monkeypatch.setattr("client.cli.open_input", lambda: io.StringIO(""))
    assert cli.main(["localhost", "--ca", str(ca), *arguments]) == 1
    assert sentence in capsys.readouterr().err


def test_the_password_is_asked_for_in_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Keyboard(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("PARLEY_PASSWORD", raising=False)
    monkeypatch.setattr("getpass.getpass", lambda question: question)
    assert find_login(Address("h", 1), "grace", None, Keyboard(), person=False)[0].password == "Password of the account grace: "

    def nothing(question: str) -> str:
        raise EOFError(question)

    monkeypatch.setattr("getpass.getpass", nothing)
    with pytest.raises(Trouble, match="needs its password"):
        find_login(Address("h", 1), "grace", None, Keyboard(), person=False)
    assert capsys.readouterr().err == "\n"


def test_a_busy_server_is_asked_again_after_a_reconnect(server: FakeServer, ca: Path) -> None:
    server.caps += " sasl"
    one = Person(server.port, ca, IrcProtocol("grace", ["#lobby"], login=Login("grace", "pw")))
    one.connection.start()
    try:
        one.sees("in #lobby: grace")
        server.do(lambda: setattr(server, "refuse_logins", MOST_TRIES - 1))
        server.cut_all()
        one.sees("The server refused the login as grace (Too busy). Next try in", MOST_TRIES - 1)
        one.sees("connected again as grace")
        server.do(lambda: setattr(server, "refuse_logins", MOST_TRIES))
        server.cut_all()
        assert one.connection.join(PATIENCE)
        assert str(one.connection.trouble) == "The server refused the login as grace (Too busy)."
    finally:
        one.connection.stop()
