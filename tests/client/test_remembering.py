"""What a person's connection leaves behind, and what is said or asked once a server: fed with events, without a network."""

from __future__ import annotations

import threading

import pytest

from client import events as e
from client import known, locks, passwords
from client.address import Address
from client.chat import Chat
from client.irc import IrcProtocol
from client.keeping import Keeping
from client.login import Login
from client.negotiation import Negotiation
from client.remembering import ASK_KEEP, HINT, Remembering, Visited, Welcoming
from tests.client.conftest import Rows
from tests.client.fake_server import PATIENCE, Waits
from wire.message import parse

A = Address("chat.example", 6697)
OFFERS = e.Offers("", frozenset({e.Feature.REGISTRATION}))


class Visit:
    """A driver with a chat behind it, and no connection."""

    def __init__(self, login: Login | None = None, *, kept: str | None = None) -> None:
        self.screen = Rows()
        self.protocol = IrcProtocol("ada", ["#lobby"], login=login)
        self.chat = Chat(self.protocol, "#lobby", self.screen)
        keeping = Keeping(A, lambda: self.protocol.login, kept)
        self.driver = Welcoming(self.chat, Visited(A, "ada", ["#lobby"], login.account if login else ""), keeping)
        self.protocol.connected()

    def happens(self, *events: e.Event) -> Visit:
        for event in events:
            self.driver.handle(event)
        return self.written()

    def written(self) -> Visit:
        """Files hold what they are to hold."""
        assert self.driver.flush(PATIENCE)
        return self


def stored() -> tuple[str, str, tuple[str, ...]]:
    found = known.find(A)
    assert found is not None
    return found.name, found.account, found.rooms


def test_a_server_is_remembered_once_it_let_us_in() -> None:
    visit = Visit()
    visit.happens(e.Lost(1.0, "no"))
    assert known.load() == []
    visit.happens(e.Registered("ada"))
    assert stored() == ("ada", "", ("#lobby",))


def test_rooms_and_names_as_they_were_at_the_end() -> None:
    visit = Visit().happens(e.Registered("ada_"), e.Joined("#dev", "ada", own=True), e.Joined("#other", "bob"))
    visit.happens(e.Parted("#LOBBY", "ada", own=True), e.Parted("#dev", "bob"), e.Registered("ada", again=True))
    assert stored() == ("ada", "", ("#lobby",)), "the name that was asked for, not the one while it was taken"
    visit.driver.ended()
    assert stored() == ("ada", "", ("#dev",))
    assert visit.screen.over.is_set()
    Visit().happens(e.Registered("bob")).driver.ended()
    assert stored()[0] == "bob"


def test_any_front_end_is_remembered() -> None:
    screen = Rows()
    driver = Remembering(Chat(IrcProtocol("ada", []), "#lobby", screen), A, "ada", ["#lobby"], "ada")
    driver.handle(e.Registered("ada"))
    driver.ended()
    assert stored() == ("ada", "ada", ("#lobby",))
    assert screen.over.is_set()


def test_who_was_never_let_in_leaves_nothing() -> None:
    Visit().driver.ended()
    assert known.load() == []


def test_an_account_got_on_the_way_is_remembered() -> None:
    visit = Visit().happens(e.Registered("ada"), e.AccountMade("ada"), e.LoggedIn("ada"), e.LoggedIn(""))
    assert stored() == ("ada", "ada", ("#lobby",))
    visit.driver.deadline()
    visit.driver.tick()


@pytest.mark.parametrize("account", ["ada", "a b", "\x1b[2J", "x" * 5000])
def test_what_a_server_calls_us_by_itself_is_not_remembered(account: str) -> None:
    """A 900 of its own would be logged in to at the next start, or stop that."""
    Visit().happens(e.LoggedIn(account), e.Registered("ada"), e.LoggedIn(account)).driver.ended()
    assert stored() == ("ada", "", ("#lobby",))
    Visit(Login("grace", "pw")).happens(e.Registered("ada"), e.LoggedIn(account)).driver.ended()
    assert stored() == ("ada", "grace", ("#lobby",))


def test_odd_names_of_a_servers_making_are_left_out() -> None:
    visit = Visit().happens(e.Registered("a b\x1b"), e.AccountMade("a b"), e.Joined("#" + "x" * 9000, "a", own=True))
    visit.happens(e.Joined("#\ud800", "a", own=True), e.Joined("#ok", "a", own=True)).driver.ended()
    assert stored() == ("ada", "", ("#lobby", "#ok"))


def test_a_server_has_no_say_in_how_often_we_write(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def remember(*_: object) -> bool:
        nonlocal count
        count += 1
        return True

    monkeypatch.setattr(known, "remember", remember)
    visit = Visit().happens(e.Registered("ada"))
    for number in range(300):
        visit.happens(e.Joined(f"#r{number}", "ada", own=True), e.LoggedIn(f"a{number}"), e.Registered("ada", again=True))
        visit.happens(e.AccountMade("ada"))
    visit.driver.ended()
    assert count == 3, "let in, the account, the end"


def test_the_hint_at_an_account_comes_once_a_server() -> None:
    assert Visit().happens(e.Registered("ada"), OFFERS, e.Registered("ada", again=True), OFFERS).screen.text().count(HINT) == 1
    assert HINT not in Visit().happens(e.Registered("ada"), OFFERS).screen.text()


def test_the_connections_thread_waits_for_no_other_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", PATIENCE)
    visit = Visit()
    with locks.alone(known.file()) as ours:
        assert ours
        for event in (e.Registered("ada"), OFFERS):
            visit.driver.handle(event)
        assert known.load() == []
        assert not visit.driver.flush(0)
    visit.written()
    assert stored() == ("ada", "", ("#lobby",))
    assert HINT in visit.screen.text()


def test_no_hint_where_there_is_nothing_to_get() -> None:
    assert HINT not in Visit().happens(e.Registered("ada"), e.Offers("", frozenset())).screen.text()


@pytest.mark.parametrize(
    ("value", "makes"), [("", True), ("=custom-account-name", True), ("=before-connect,email-required", False)]
)
def test_an_account_for_a_password_alone(value: str, makes: bool) -> None:
    caps = Negotiation()
    caps.handle(parse(f":s CAP * LS :draft/account-registration{value}"))
    assert not caps.makes_accounts
    caps.handle(parse(":s CAP * ACK :draft/account-registration"))
    assert caps.makes_accounts is makes


def test_no_hint_for_who_has_an_account() -> None:
    assert HINT not in Visit(Login("ada", "pw")).happens(e.Registered("ada"), OFFERS).screen.text()


def logged_in(password: str, kept: str | None, account: str = "ada") -> Visit:
    login = Login(account, password)
    visit = Visit(login, kept=kept)
    login.succeed()
    return visit.happens(e.Registered("ada"))


def test_a_typed_password_that_worked_is_offered_to_the_keyring(ring: list[tuple[Address, str, str]]) -> None:
    visit = logged_in("s3cret", kept="")
    visit.driver.post_by(lambda job: job())
    assert (visit.chat.prompt, visit.chat.asking, visit.chat.hidden) == (ASK_KEEP, True, False)
    visit.chat.typed("y")
    Waits.until(lambda: "the password is in the keyring" in visit.screen.text())
    assert ring == [(A, "ada", "s3cret")]
    assert not visit.chat.asking
    assert "s3cret" not in visit.screen.text()


def test_a_keyring_that_does_not_take_it(ring: list[tuple[Address, str, str]]) -> None:
    visit = logged_in("refused", kept="")
    visit.chat.typed("yes")
    Waits.until(lambda: "it was not kept. It is locked." in visit.screen.text())
    assert len(ring) == 1


def test_a_no_is_remembered(ring: list[tuple[Address, str, str]]) -> None:
    visit = logged_in("s3cret", kept="")
    visit.chat.typed("NO")
    visit.written()
    assert not logged_in("s3cret", kept="", account="ADA").chat.asking
    assert logged_in("s3cret", kept="", account="grace").chat.asking, "it was about another account"
    assert ring == []


def test_a_no_of_before_counts_for_all_accounts() -> None:
    known.remember(A, "ada")
    known.tell(A, "keyring")
    assert not logged_in("s3cret", kept="").chat.asking


def test_an_empty_line_leaves_it_for_the_next_start(ring: list[tuple[Address, str, str]]) -> None:
    visit = logged_in("s3cret", kept="")
    visit.chat.typed("")
    assert not visit.chat.asking
    assert visit.chat.prompt == "[#lobby] "
    visit.happens(e.Registered("ada", again=True))
    assert not visit.chat.asking, "a lost connection is no start"
    assert logged_in("s3cret", kept="").chat.asking
    assert ring == []


def test_what_is_said_meanwhile_is_no_answer(ring: list[tuple[Address, str, str]]) -> None:
    """Somebody may have been typing when the question came."""
    visit = logged_in("s3cret", kept="")
    said = ["hello all", "yes please", "//y", "nope"]
    for line in [*said, "/names"]:
        visit.chat.typed(line)
        assert (visit.chat.prompt, visit.chat.asking) == (ASK_KEEP, True)
    assert visit.protocol.backlog == len(said)
    assert ring == []
    visit.chat.typed(" Yes ")
    Waits.until(lambda: "the password is in the keyring" in visit.screen.text())
    assert visit.protocol.backlog == len(said), "the answer is said to nobody"


def registered_there(usable: bool, monkeypatch: pytest.MonkeyPatch, kept: str | None = None) -> Visit:
    monkeypatch.setattr(passwords, "usable", lambda say: usable)
    visit = Visit(kept=kept)
    visit.happens(e.Registered("ada"))
    login = visit.protocol.session.login = Login("ada", "made")
    login.succeed()
    return visit.happens(e.AccountMade("ada"))


def test_the_password_of_an_account_that_was_made_is_offered_too(
    ring: list[tuple[Address, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = registered_there(True, monkeypatch)
    Waits.until(lambda: visit.chat.asking)
    visit.chat.typed("y")
    Waits.until(lambda: "the password is in the keyring" in visit.screen.text())
    assert ring == [(A, "ada", "made")]
    visit.happens(e.Registered("ada", again=True))
    assert not visit.chat.asking


def test_a_login_with_the_password_that_is_kept_offers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    visit = registered_there(True, monkeypatch, kept="made")
    Waits.until(lambda: not [each for each in threading.enumerate() if each.name == "looking for a keyring"])
    assert not visit.chat.asking


def test_without_a_keyring_nothing_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    visit = registered_there(False, monkeypatch)
    Waits.until(lambda: not [each for each in threading.enumerate() if each.name == "looking for a keyring"])
    assert not visit.chat.asking
    assert visit.driver.keeping.take() is None


def test_an_offer_is_made_once(ring: list[tuple[Address, str, str]]) -> None:
    visit = logged_in("s3cret", kept="")
    visit.driver._ask()
    visit.chat.typed("n")
    assert not visit.chat.asking


@pytest.mark.parametrize("kept", ["s3cret", None], ids=["it is there already", "it came from a file"])
def test_what_is_kept_or_has_no_keyring_is_not_offered(kept: str | None) -> None:
    assert not logged_in("s3cret", kept).chat.asking


def test_a_password_that_took_the_place_of_the_one_kept_is_offered() -> None:
    assert logged_in("new", kept="old").chat.asking


def test_a_login_that_failed_offers_nothing() -> None:
    assert not Visit(Login("ada", "x"), kept="").happens(e.Registered("ada")).chat.asking


@pytest.mark.parametrize(("kept", "offered"), [("s3cret", False), ("another", True), ("", True), (None, True)])
def test_a_login_from_inside_with_what_the_keyring_has_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, kept: str | None, offered: bool
) -> None:
    looked: list[passwords.Say] = []
    monkeypatch.setattr(passwords, "usable", looked.append)
    login = Login("grace", "s3cret")
    login.succeed()
    keeping = Keeping(A, lambda: login, kept)
    keeping.handle(e.AccountMade("grace"))
    Waits.until(lambda: not [each for each in threading.enumerate() if each.name == "looking for a keyring"])
    assert bool(looked) is offered
