"""From a command line to a visit: what is said, known or asked for, in a terminal (a stream that says so) and in a pipe."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from client import cli, known, passwords, pins
from client.address import Address
from client.arrival import Visit, arrive
from client.errors import Trouble
from client.firstuse import Trust
from client.trust import client_context

A = Address("chat.example", 6697)
CA = "ab" * 32


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, ca: Path) -> None:
    monkeypatch.setenv("PARLEY_CA", str(ca))  # so that nobody is looked at
    monkeypatch.delenv("PARLEY_ACCOUNT", raising=False)
    monkeypatch.delenv("PARLEY_PASSWORD", raising=False)


def visit(*arguments: str, typed: str = "", person: bool = True) -> Visit:
    return arrive(cli.parser().parse_args(arguments), Keyboard(typed) if person else io.StringIO(typed), person=person)


def test_nothing_is_asked_that_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    one = visit("chat.example:7", "--name", "ada", "--room", "dev")
    assert (one.address, one.name, one.rooms, one.login, one.plain) == (Address("chat.example", 7), "ada", ["#dev"], None, False)
    assert capsys.readouterr().out == ""
    assert visit("chat.example", typed="ada\n").rooms == ["#lobby"]


def test_who_was_there_before_is_not_asked_again() -> None:
    known.remember(A, "ada", "", ("#a", "#b"))
    one = visit("chat.example")
    assert (one.name, one.rooms, one.login) == ("ada", ["#a", "#b"], None)
    assert visit("ircs://chat.example/%23x").rooms == ["#x"]
    assert visit("chat.example", "--room", "y").rooms == ["#y"]
    assert visit("chat.example", typed="eve\n", person=False).name == "eve", "a pipe is nobody's"
    assert visit("chat.example", "--plain", typed="eve\n").name == "eve"


def test_an_account_is_known_too(monkeypatch: pytest.MonkeyPatch) -> None:
    known.remember(A, "ada_l", "ada", ())
    monkeypatch.setenv("PARLEY_PASSWORD", "s3cret")
    one = visit("chat.example")
    assert one.login is not None
    assert (one.name, one.login.account, one.login.password, one.kept) == ("ada_l", "ada", "s3cret", None)
    assert visit("chat.example", "--name", "eve").login is None, "somebody else"
    other = visit("chat.example", "--account", "eve")
    assert other.login is not None
    assert (other.name, other.login.account) == ("eve", "eve")


def test_the_servers_known_are_offered(capsys: pytest.CaptureFixture[str]) -> None:
    assert visit(typed="\nchat.example\nada\n").address == A
    assert "Servers" not in capsys.readouterr().out
    known.remember(A, "ada", "", ("#lobby",))
    known.remember(Address("h", 7), "grace")
    assert visit(typed="\n").address == Address("h", 7), "Enter takes the last one"
    for typed, address in (("2\n", A), ("other:9\nx\n", Address("other", 9)), ("3:1\nx\n", Address("3", 1))):
        assert visit(typed=typed).address == address
    said = capsys.readouterr().out
    assert "  1  h:7 as grace\n  2  chat.example:6697 as ada, #lobby\nWhich one?" in said
    with pytest.raises(Trouble, match="An address and a name are needed"):
        visit(typed="")
    with pytest.raises(Trouble, match="An address and a name are needed"):
        visit(typed="", person=False)


def test_where_a_password_is_looked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ring = {"ada": "from the ring"}
    monkeypatch.setattr(passwords, "find", lambda address, account, say: ring.get(account))
    monkeypatch.setattr(passwords, "usable", lambda say: True)
    monkeypatch.setattr("getpass.getpass", lambda question: "typed")

    def found_for(*arguments: str, person: bool = True) -> tuple[str, str | None]:
        one = visit("chat.example", "--account", *arguments, person=person)
        assert one.login is not None
        return one.login.password, one.kept

    assert found_for("ada") == ("from the ring", "from the ring")
    assert found_for("ada", person=False) == ("from the ring", "from the ring")
    assert found_for("eve") == ("typed", "")
    with pytest.raises(Trouble, match="The account eve needs its password"):
        found_for("eve", person=False)

    def locked(address: Address, account: str, say: passwords.Say) -> None:
        say("It is locked.")

    monkeypatch.setattr(passwords, "find", locked)
    assert found_for("ada") == ("typed", None)
    assert capsys.readouterr().err == "It is locked.\n"

    def never(*_: object) -> None:
        raise AssertionError("the keyring is for when there is nothing else")

    monkeypatch.setattr(passwords, "find", never)
    monkeypatch.setenv("PARLEY_PASSWORD", "from env")
    assert found_for("ada") == ("from env", None)


def test_trust_that_cannot_be_kept_is_said_to_a_person(
    ca: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("client.arrival.prepare", lambda *_: Trust(client_context(ca), "x", kept=False))
    assert visit("chat.example", "--name", "ada").trust.kept is False
    assert "Whom you trust for chat.example:6697 cannot be stored in" in capsys.readouterr().err
    visit("chat.example", "--name", "ada", person=False)
    assert capsys.readouterr().err == ""


LINK = "ircs://chat.example/"


@pytest.fixture
def _in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_ACCOUNT", "ada")
    monkeypatch.setenv("PARLEY_PASSWORD", "s3cret")
    monkeypatch.setattr(passwords, "find", lambda address, account, say: None)
    monkeypatch.setattr(passwords, "usable", lambda say: True)
    monkeypatch.setattr("getpass.getpass", lambda question: "typed")


def login_of(*arguments: str, typed: str = "", person: bool = True) -> tuple[str, str] | None:
    login = visit(*arguments, typed=typed, person=person).login
    return None if login is None else (login.account, login.password)


@pytest.mark.usefixtures("_in_the_environment")
def test_what_the_environment_says_is_for_the_server_that_somebody_named(capsys: pytest.CaptureFixture[str]) -> None:
    for person in (True, False):
        assert login_of("chat.example", person=person) == ("ada", "s3cret")
    assert login_of("chat.example", "--account", "eve") == ("eve", "s3cret")
    assert login_of(typed="chat.example\n") == ("ada", "s3cret")
    assert "[y/N]" not in capsys.readouterr().out


@pytest.mark.usefixtures("_in_the_environment")
def test_a_link_gets_no_account_unasked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert login_of(LINK, "--name", "x", typed="y\n") == ("ada", "s3cret")
    assert capsys.readouterr().out == (
        "The link leads to chat.example:6697. Log in there, with $PARLEY_ACCOUNT and $PARLEY_PASSWORD? [y/N] "
    )
    for answer in ("\n", "n\n", ""):
        assert login_of(LINK, "--name", "x", typed=answer) is None
    assert login_of(typed=f"{LINK}\n\nx\n") is None, "typed in, it is a link all the same"
    assert login_of(LINK, "--account", "eve", typed="n\n") == ("eve", "typed"), "another account's password is not tried"
    file = tmp_path / "password"
    file.write_text("from file\n")
    assert login_of(LINK, "--account", "eve", "--password-file", str(file)) == ("eve", "from file")
    capsys.readouterr()
    assert login_of(LINK, "--name", "x", person=False) is None
    assert capsys.readouterr().err == (
        "$PARLEY_ACCOUNT and $PARLEY_PASSWORD: not for a server that a link names. Say --account NAME and --password-file FILE.\n"
    )
    with pytest.raises(Trouble, match="The account eve needs its password"):
        login_of(LINK, "--account", "eve", person=False)


@pytest.mark.usefixtures("_in_the_environment")
def test_where_one_was_logged_in_before_a_link_asks_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """It says nothing about whose password is in the environment; and what an account is called, a server may have had a say in."""
    known.remember(A, "ada", "ada")
    assert login_of(LINK, typed="n\n") == ("ada", "typed")
    assert login_of(LINK, typed="y\n") == ("ada", "s3cret")
    assert login_of("ircs://other.example/", "--name", "x", typed="n\n") is None
    assert capsys.readouterr().out.count("[y/N]") == 3
    assert visit(LINK, "--plain", "--name", "x").plain
    assert capsys.readouterr().out == ""


def test_a_password_alone_is_nothing_to_ask_about(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PARLEY_PASSWORD", "s3cret")
    assert login_of(LINK, "--name", "x") is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "variable", "words"),
    [
        (["--ca", "/nonexistent"], "", "The CA file '/nonexistent' cannot be used"),
        ([], "/nonexistent", "The CA file '/nonexistent' cannot be used"),
        (["--password-file", "/nonexistent"], "", "The password file /nonexistent cannot be read"),
        (["--ca", "x", "--fingerprint", CA], "", "one of them is enough"),
        (["h", "--ca", ""], "", "--ca is empty: say what is meant, or leave it out"),
        (["h", "--fingerprint", ""], "", "--fingerprint is empty"),
        (["h", "--ca", "", "--fingerprint", ""], "", "--ca is empty"),
        (["h", "--account", "ada", "--password-file", ""], "", "--password-file is empty"),
    ],
)
def test_files_are_looked_at_before_anything_is_asked(
    arguments: list[str], variable: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARLEY_CA", variable)
    with pytest.raises(Trouble, match=words):
        visit(*arguments, typed="")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["h", "--fingerprint", CA, "--ca", "x"], "one of them is enough"),
        ([f"ircs://h?ca={CA}", "--fingerprint", "cd" * 32], "name two authorities"),
        (["h", "--fingerprint", "x"], "is no fingerprint"),
        (["irc://h"], "is no link to here"),
        (["--forget"], "Which server is to be forgotten?"),
        (["h", "--forget"], "Nothing is known about h:6697"),
    ],
)
def test_mistakes(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*arguments, "--name", "x"]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_forgetting(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    forgotten: list[tuple[Address, str]] = []
    failures: list[str] = []

    def forget(address: Address, account: str, say: passwords.Say) -> bool:
        forgotten.append((address, account))
        for sentence in failures:
            say(sentence)
        return not failures

    monkeypatch.setattr(passwords, "forget", forget)
    known.remember(A, "ada", "ada")
    known.remember(Address("h", 7), "ada")
    pins.keep(A, b"x")
    assert cli.main(["--forget", "ircs://chat.example/"]) == 0
    everything = "chat.example:6697 is forgotten: whom you trusted there, your name, your rooms and your password.\n"
    assert capsys.readouterr() == (everything, "")
    assert (forgotten, pins.find(A), [server.address for server in known.load()]) == ([(A, "ada")], None, [Address("h", 7)])
    assert cli.main(["--forget", "h:7"]) == 0
    assert capsys.readouterr().out == "h:7 is forgotten: whom you trusted there, your name and your rooms.\n"
    assert cli.main(["--forget", "h:7"]) == 1
    assert known.load() == []
    known.remember(A, "ada", "ada")
    for account in ("grace", "ada"):
        known.keeps(A, account)
    forgotten.clear()
    capsys.readouterr()
    assert cli.main(["--forget", "chat.example"]) == 0
    assert forgotten == [(A, "ada"), (A, "grace")]
    assert capsys.readouterr().out.endswith(" your rooms and your passwords.\n")
    known.remember(A, "ada", "ada")
    failures.append("The keyring cannot be used (OSError): unlock it, or do without.")
    capsys.readouterr()
    assert cli.main(["--forget", "chat.example"]) == 1
    said = capsys.readouterr()
    assert "password" not in said.out
    assert said.err == f"{failures[0]} Your password may still be in it, as 'parley chat.example:6697'.\n"
