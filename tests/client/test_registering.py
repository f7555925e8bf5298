"""An account made within a session: the connections that follow log in to it. Against the real server, and lines alone.

Source: https://ircv3.net/specs/extensions/account-registration
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client import events as e
from client.irc import IrcProtocol
from client.irc.accounts import PATIENCE as PATIENCE_OF_A_LOGIN
from client.irc.typed import Typed, asked_in, asked_of
from client.login import Login, valid_account
from tests.client.conftest import Person
from tests.client.fake_server import PATIENCE, Waits
from tests.client.talk import Now
from tests.e2e.process import ServerProcess, make_certificates, serving

PASSWORD = "s3cret pass word"


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("registering") / "certs")


@pytest.fixture(scope="module")
def real(certs: Path) -> Iterator[ServerProcess]:
    with serving(certs, certs.parent / "data", "--limits", "off") as server:
        yield server


def cut(person: Person) -> None:
    """Lose the connection as a network does."""

    def close() -> None:
        raise ConnectionResetError("cut")

    person.connection.post(close)


def test_who_registers_is_back_under_the_same_name_and_logged_in(real: ServerProcess) -> None:
    one = Person(real.port, real.ca, IrcProtocol("grace", ["#lobby"]))
    try:
        one.connection.start()
        one.sees("in #lobby: grace")
        for line in ("/register", PASSWORD, PASSWORD):
            one.types(line)
        one.sees("logged in as grace")
        assert e.AccountMade("grace") in one.events
        cut(one)
        one.sees("logged in as grace", 2)
        one.sees("connected again as grace")
        assert one.dialect.nick == "grace"
        assert "s3cret" not in one.screen.text()
    finally:
        one.connection.stop()
        assert one.connection.join(PATIENCE)


# --- lines alone ---


class Lines:
    """Somebody on a server that speaks as a test says."""

    def __init__(self, caps: str = "sasl=PLAIN draft/account-registration") -> None:
        self.protocol = IrcProtocol("grace", [])
        self.caps = caps
        self.greet()

    def greet(self) -> None:
        self.protocol.connected()
        self.gets(f":s CAP * LS :{self.caps}", ":s 001 grace :hi")

    def gets(self, *lines: str) -> list[e.Event]:
        return self.protocol.receive("".join(f"{line}\r\n" for line in lines).encode())

    def registers(self, *answers: str, password: str = "pw") -> list[e.Event]:
        self.protocol.register(password)
        return self.gets(*answers)

    def logs_in_as(self) -> tuple[str, str] | None:
        """Account and password that the next connection logs in with."""
        self.protocol.disconnected()
        self.protocol.connected()
        self.gets(f":s CAP * LS :{self.caps}")
        self.protocol.take()
        self.gets(":s CAP * ACK :sasl", ":s CAP * ACK :draft/account-registration", "AUTHENTICATE +")
        sent = b"".join(self.protocol.take()).decode().split("\r\n")
        found = [line.partition(" ")[2] for line in sent if line.startswith("AUTHENTICATE") and not line.endswith("PLAIN")]
        if not found:
            return None
        _, account, password = base64.b64decode(found[0]).decode().split("\0")
        return account, password


def test_the_next_connection_logs_in() -> None:
    lines = Lines()
    assert e.AccountMade("grace") in lines.registers(":s REGISTER SUCCESS grace :Account registered", ":s 900 grace x grace :in")
    assert lines.protocol.login is not None
    assert lines.logs_in_as() == ("grace", "pw")
    assert lines.protocol.refusal is None


def test_a_name_given_back_changes_nothing_while_this_connection_stands() -> None:
    lines = Lines()
    lines.registers(":s REGISTER SUCCESS grace :Account registered")
    lines.protocol.take()
    lines.gets("AUTHENTICATE +", ":s 903 grace :again", ":s CAP * NEW :sasl")
    assert lines.protocol.take() == []
    assert lines.protocol.refusal is None


def test_an_account_that_waits_for_a_code_is_logged_in_to_once_it_has_it() -> None:
    lines = Lines()
    assert not [ev for ev in lines.registers(":s REGISTER VERIFICATION_REQUIRED grace :code?") if isinstance(ev, e.AccountMade)]
    assert lines.logs_in_as() is None
    lines.greet()
    lines.gets(":s VERIFY SUCCESS other :verified")
    assert lines.protocol.login is None, "somebody else's"
    assert e.AccountMade("GRACE") in lines.gets(":s VERIFY SUCCESS GRACE :verified")
    assert lines.logs_in_as() == ("GRACE", "pw")


def test_a_failed_try_leaves_no_password_for_a_later_one() -> None:
    lines = Lines()
    failed = lines.registers(":s FAIL REGISTER ACCOUNT_EXISTS grace :This name is registered already", password="wrong")
    assert failed == [e.Failed("This name is registered already")]
    lines.gets(":s REGISTER SUCCESS grace :unasked")
    lines.registers(":s FAIL OTHER X :no", ":s REGISTER SUCCESS grace :done", password="right")
    assert lines.logs_in_as() == ("grace", "right")


@pytest.mark.parametrize(
    "line",
    [":s REGISTER SUCCESS grace :x", ":s VERIFY SUCCESS grace :x", ":s REGISTER VERIFICATION_REQUIRED grace :x", ":s REGISTER"],
)
def test_a_server_that_tells_of_accounts_by_itself_is_not_believed(line: str) -> None:
    lines = Lines()
    lines.gets(line, ":s VERIFY SUCCESS grace :x")
    assert lines.protocol.login is None
    lines.protocol.disconnected()
    lines.protocol.register("pw")
    lines.greet()
    lines.gets(line)
    assert lines.protocol.login is None, "what was asked for without a connection was not asked for"


@pytest.mark.parametrize("named", ["grace", "GRACE", "*"])
def test_its_name_is_as_the_server_spells_it(named: str) -> None:
    lines, name = Lines(), named.replace("*", "grace")
    assert e.AccountMade(name) in lines.registers(f":s REGISTER SUCCESS {named} :done")
    assert lines.logs_in_as() == (name, "pw")


@pytest.mark.parametrize("answer", ["SUCCESS other :done", "SUCCESS :a b\x1b[2J", "SUCCESS", "VERIFICATION_REQUIRED other :code?"])
def test_another_account_than_was_asked_for_is_not_ours(answer: str) -> None:
    lines = Lines()
    told = lines.registers(f":s REGISTER {answer}", ":s VERIFY SUCCESS other :verified", ":s VERIFY SUCCESS grace :verified")
    assert ["not of grace" in event.text for event in told if isinstance(event, e.Failed)] == [True]
    assert not [event for event in told if isinstance(event, e.AccountMade)]
    assert lines.protocol.login is None


def test_a_second_one_before_the_answer_is_not_asked_for() -> None:
    lines = Lines()
    lines.registers(password="first")
    lines.protocol.take()
    assert lines.registers(password="second") == [e.Failed("the server has not answered the last /register yet")]
    assert lines.protocol.take() == []
    lines.gets(":s REGISTER SUCCESS grace :done")
    assert lines.logs_in_as() == ("grace", "first")


@pytest.mark.parametrize("caps", ["draft/account-registration", "sasl=EXTERNAL draft/account-registration"])
def test_where_no_password_is_taken_nothing_is_promised(caps: str) -> None:
    lines = Lines(caps)
    assert not [ev for ev in lines.registers(":s REGISTER SUCCESS grace :done") if isinstance(ev, e.AccountMade)]
    lines.protocol.disconnected()
    lines.greet()
    assert lines.protocol.registered, "it can be gone on with"


def test_what_a_server_takes_back_is_not_counted_on() -> None:
    lines = Lines()
    lines.gets(":s CAP * DEL :sasl")
    lines.registers(":s REGISTER SUCCESS grace :done")
    assert lines.protocol.login is None
    lines.gets(":s CAP * NEW :sasl=PLAIN")
    lines.registers(":s REGISTER SUCCESS grace :done")
    assert isinstance(lines.protocol.login, Login)


WORDS = st.sampled_from(
    ["", "SUCCESS", "success", "VERIFICATION_REQUIRED", "grace", "Grace", "a b", "\x1b[2J", "x" * 400, "*", ":"]
)
ANSWERS = st.tuples(
    st.sampled_from(["REGISTER", "VERIFY", "FAIL REGISTER", "FAIL", "900", "901", "903", "904"]), WORDS, WORDS, WORDS
)


@given(st.lists(st.one_of(st.none(), ANSWERS), max_size=12))
def test_whatever_is_answered_only_what_was_asked_for_is_logged_in_to(steps: list[tuple[str, str, str, str] | None]) -> None:
    lines, asked = Lines(), set[str]()
    for number, step in enumerate(steps):
        if step is None:
            asked.add(f"pw{number}")
            lines.registers(password=f"pw{number}")
        else:
            lines.gets(":s {} {} {} :{}".format(*step))
        login = lines.protocol.login
        assert lines.protocol.refusal is None
        if login is not None:
            assert login.password in asked
            assert valid_account(login.account)
            assert login.done


def test_which_names_an_account_may_have() -> None:
    assert all(map(valid_account, ["grace", "ä", "x" * 64]))
    assert not any(map(valid_account, ["", "a b", "a\x07", "x" * 65, ":a", "*"]))


# --- in one's own words ---

LOGGED_IN = ":s 900 grace g!u@h grace :You are now logged in as grace"


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("REGISTER * * pw", Typed("", "pw", of_service=False)),
        ("register ada a@b.example :pass word", Typed("ada", "pass word", of_service=False)),
        ("@x=y :me REGISTER * * pw", Typed("", "pw", of_service=False)),
        ("REGISTER * *", None),
        ("PRIVMSG NickServ :REGISTER pw a@b.example", Typed("", "pw", of_service=True)),
        ("SQUERY nickserv@services.example :register pw", Typed("", "pw", of_service=True)),
        ("NS REGISTER pw", Typed("", "pw", of_service=True)),
        ("NICKSERV :REGISTER pw", Typed("", "pw", of_service=True)),
        ("NS IDENTIFY pw", None),
        ("NS REGISTER", None),
        ("PRIVMSG AuthServ :REGISTER grace pw", None),
        ("PRIVMSG #r :REGISTER pw", None),
        ("NS", None),
        (" ", None),
        ("", None),
        ("VERIFY grace 1", None),
    ],
)
def test_what_asks_for_an_account(line: str, typed: Typed | None) -> None:
    assert asked_in(line) == typed


@given(st.text())
def test_whatever_is_typed(line: str) -> None:
    typed = asked_in(line) or asked_of("NickServ", line)
    assert typed is None or "register" in line.lower()


@pytest.mark.parametrize(("line", "account"), [("REGISTER * * pw", "grace"), ("REGISTER ada * :pw", "ada")])
def test_a_register_of_ones_own_is_logged_in_to(line: str, account: str) -> None:
    lines = Lines()
    assert lines.protocol.quote(line) == "REGISTER ***"
    assert e.AccountMade(account) in lines.gets(f":s REGISTER SUCCESS {account} :done")
    assert lines.logs_in_as() == (account, "pw")


@pytest.mark.parametrize("how", ["say", "PRIVMSG NickServ :REGISTER pw", "NS REGISTER pw a@b.example"])
def test_an_account_got_from_nickserv_is_logged_in_to(how: str) -> None:
    """The answer is a sentence, which proves nothing; RPL_LOGGEDIN with that account does."""
    lines = Lines()
    if how == "say":
        lines.protocol.say("NickServ", "REGISTER pw a@b.example")
    else:
        lines.protocol.quote(how)
    assert not [ev for ev in lines.gets(":NickServ!s@s NOTICE grace :grace is registered") if isinstance(ev, e.AccountMade)]
    assert lines.protocol.login is None
    assert e.AccountMade("grace") in lines.gets(LOGGED_IN)
    assert e.AccountMade("grace") not in lines.gets(LOGGED_IN)
    assert lines.logs_in_as() == ("grace", "pw")


def test_what_else_may_have_logged_us_in_proves_no_password() -> None:
    now = Now()
    lines = Lines()
    lines.protocol.session.now = now

    def asked() -> None:
        lines.protocol.say("NickServ", "REGISTER wrong")

    def back() -> None:
        lines.protocol.disconnected()
        lines.greet()

    def late() -> None:
        now.seconds += PATIENCE_OF_A_LOGIN + 1

    doings: list[Callable[[], object]] = [
        lambda: lines.protocol.say("NickServ", "IDENTIFY right"),
        lambda: lines.protocol.quote("PRIVMSG NickServ :IDENTIFY right"),
        lambda: lines.protocol.log_in("right", "grace"),
        lambda: lines.protocol.register("right"),
        lambda: lines.gets(":s 900 grace g!u@h other :You are now logged in as other"),
        back,
        late,
    ]
    for doing in doings:
        asked()
        doing()
        lines.gets(LOGGED_IN)
        assert lines.protocol.login is None
        lines.gets(":s 901 grace g!u@h :out")
    lines.gets(LOGGED_IN)
    asked()
    lines.gets(LOGGED_IN)
    assert lines.protocol.login is None, "we were logged in before"


def test_what_was_said_without_a_connection_was_not_said() -> None:
    lines = Lines()
    lines.protocol.disconnected()
    lines.protocol.say("NickServ", "REGISTER pw")
    lines.protocol.quote("REGISTER * * pw")
    lines.greet()
    lines.gets(LOGGED_IN, ":s REGISTER SUCCESS grace :done")
    assert lines.protocol.login is None


def test_one_that_is_asked_for_already_is_not_replaced() -> None:
    lines = Lines()
    lines.registers(password="first")
    lines.protocol.quote("REGISTER * * second")
    lines.gets(":s REGISTER SUCCESS grace :done")
    assert lines.logs_in_as() == ("grace", "first")


@pytest.mark.parametrize("quoted", [True, False])
def test_one_that_is_not_answered_in_time_keeps_nobody_from_asking_again(*, quoted: bool) -> None:
    """A server that knows REGISTER as something else may say so in a NOTICE, or nothing."""
    lines, now = Lines(), Now()
    lines.protocol.session.now = now
    if quoted:
        lines.protocol.quote("REGISTER * * first")
    else:
        lines.registers(password="first")
    lines.gets(":s NOTICE grace :no such thing here")
    now.seconds += PATIENCE_OF_A_LOGIN - 1
    assert lines.registers(password="second") == [e.Failed("the server has not answered the last /register yet")]
    now.seconds += 2
    assert lines.registers(password="second") == []
    lines.protocol.quote("REGISTER * * third")
    lines.gets(":s REGISTER SUCCESS grace :done")
    assert lines.logs_in_as() == ("grace", "second")


@pytest.mark.parametrize("line", ["/msg NickServ REGISTER s3cret-words", "/quote REGISTER * * s3cret-words"])
def test_in_ones_own_words_for_real(real: ServerProcess, line: str) -> None:
    name = "hopper" if "msg" in line else "lovelace"
    one = Person(real.port, real.ca, IrcProtocol(name, ["#lobby"]))
    try:
        one.connection.start()
        one.sees(f"in #lobby: {name}")
        one.types(line)
        one.sees(f"logged in as {name}")
        cut(one)
        one.sees(f"logged in as {name}", 2)
        one.sees(f"connected again as {name}")
        assert e.AccountMade(name) in one.events
        assert "s3cret" not in one.screen.text()
    finally:
        one.connection.stop()
        assert one.connection.join(PATIENCE)


# --- logging in after the greeting ---


def test_who_logs_in_from_inside_is_logged_in_from_then_on() -> None:
    lines = Lines()
    lines.protocol.take()
    lines.protocol.log_in("pw", "ada")
    assert b"".join(lines.protocol.take()) == b"CAP REQ sasl\r\nAUTHENTICATE PLAIN\r\n"
    lines.gets("AUTHENTICATE +")
    assert base64.b64decode(b"".join(lines.protocol.take()).split()[1]) == b"\0ada\0pw"
    told = lines.gets(":s 900 grace g!u@h ada :in", ":s 903 grace :ok")
    assert told == [e.LoggedIn("ada"), e.AccountMade("ada")]
    assert lines.logs_in_as() == ("ada", "pw")
    assert lines.protocol.refusal is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (":s 904 grace :SASL authentication failed", e.LoginRefused("ada", "SASL authentication failed")),
        (":s 905 grace :too long", e.LoginRefused("ada", "too long")),
        (":s 907 grace :You are logged in already", e.Failed("You are logged in already")),
    ],
)
def test_a_refused_login_from_inside_is_said_and_forgotten(line: str, told: e.Event) -> None:
    lines = Lines()
    lines.protocol.log_in("wrong", "ada")
    assert lines.gets("AUTHENTICATE +", line) == [told]
    assert lines.protocol.login is None
    assert lines.protocol.refusal is None
    lines.protocol.take()
    lines.gets("AUTHENTICATE +", ":s 903 grace :ok")
    assert lines.protocol.take() == []
    assert lines.protocol.login is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (":s CAP grace NAK :sasl", "This server offers no login with a password (SASL PLAIN)."),
        (":s CAP grace DEL :sasl", "This server offers no login with a password (SASL PLAIN)."),
        (":s 421 grace AUTHENTICATE :Unknown command", "AUTHENTICATE: Unknown command"),
        (":s 903 grace :ok", "the server says that the login worked, but has not asked for the password: that is not counted on"),
    ],
)
def test_the_password_does_not_wait_for_a_server_that_will_not_have_it(line: str, why: str) -> None:
    lines = Lines()
    lines.protocol.log_in("pw", "ada")
    assert lines.gets(line) == [e.Failed(why)]
    lines.protocol.take()
    assert lines.gets(line.replace("421", "422"), "AUTHENTICATE +", ":s 903 grace :ok") == []
    assert lines.protocol.take() == []
    assert lines.protocol.login is None


def test_one_login_at_a_time_and_its_password_leaves_once() -> None:
    lines = Lines()
    lines.protocol.log_in("one", "ada")
    lines.protocol.take()
    lines.protocol.log_in("two", "bob")
    assert lines.gets(":s 421 grace REGISTER :Unknown command", "AUTHENTICATE abc", "AUTHENTICATE +", "AUTHENTICATE +") == [
        e.Failed("the server has not answered the last /login yet"),
        e.Failed("REGISTER: Unknown command"),
    ]
    assert base64.b64decode(b"".join(lines.protocol.take()).split()[1:][0]) == b"\0ada\0one"
    lines.gets(":s 903 grace :ok")
    assert lines.logs_in_as() == ("ada", "one")


def test_what_was_not_answered_for_long_is_given_up() -> None:
    lines, seconds = Lines(), [0.0]
    lines.protocol.session.now = lambda: (seconds[0],)
    lines.protocol.log_in("old", "ada")
    seconds[0] = PATIENCE_OF_A_LOGIN
    lines.protocol.take()
    lines.gets("AUTHENTICATE +", ":s 903 grace :ok")
    assert lines.protocol.take() == []
    assert lines.protocol.login is None
    lines.protocol.log_in("new", "ada")
    assert lines.protocol.take() == [b"CAP REQ sasl\r\nAUTHENTICATE PLAIN\r\n"]


def test_a_register_that_the_server_does_not_know_is_over() -> None:
    lines = Lines()
    lines.registers(":s 421 grace REGISTER :Unknown command", ":s REGISTER SUCCESS grace :x", password="first")
    assert lines.protocol.login is None
    lines.registers(":s REGISTER SUCCESS grace :done", password="second")
    assert lines.logs_in_as() == ("grace", "second")


def test_no_login_from_inside_where_there_is_none() -> None:
    lines = Lines("draft/account-registration")
    lines.protocol.take()
    lines.protocol.log_in("pw", "ada")
    lines.protocol.disconnected()
    lines.protocol.log_in("pw", "ada")
    assert [str(event) for event in lines.protocol.events() if isinstance(event, e.Failed)] == [
        str(e.Failed("This server offers no login with a password (SASL PLAIN).")),
        str(e.Failed("there is no connection at the moment")),
    ]
    assert lines.protocol.take() == []


def test_with_the_real_server(real: ServerProcess) -> None:
    one, two = (
        Person(real.port, real.ca, IrcProtocol("ian", ["#lobby"])),
        Person(real.port, real.ca, IrcProtocol("guest", ["#lobby"])),
    )
    try:
        one.connection.start()
        one.sees("in #lobby: ian")
        for line in ("/register", PASSWORD, PASSWORD):
            one.types(line)
        one.sees("logged in as ian")
        two.connection.start()
        two.sees("in #lobby:")
        two.types("/login ian")
        two.types("wrong")
        two.sees("the server refused the login as ian")
        Waits.until(lambda: two.chat.hidden, "it is asked for again")
        two.types(PASSWORD)
        Waits.until(lambda: e.AccountMade("ian") in two.events)
        cut(two)
        two.sees("logged in as ian", 2)
    finally:
        for person in (one, two):
            person.connection.stop()
            assert person.connection.join(PATIENCE)
