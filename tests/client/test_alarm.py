"""A server that is suddenly vouched for by somebody else: refused for good, loudly, in every width; and what is only waited for."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.events import Paste
from textual.widgets import Input

from client import events as e
from client import pins
from client.address import Address, Link
from client.alarm import Alarm, for_terminal
from client.errors import Trouble
from client.firstuse import Trust, explainer, prepare
from client.irc import IrcProtocol
from client.pins import Pin
from client.trust import client_context
from client.tui.door import Met, knock, session_for
from client.tui.screens.alarm import AlarmScreen
from client.tui.screens.react import React
from client.tui.screens.servers import Servers
from client.view import Mark
from tests.client.certificates import Authority
from tests.client.conftest import Person
from tests.client.fake_server import PATIENCE, FakeServer, Waits
from tests.client.tui.desk import Desk, said
from wire.fingerprints import grouped

OLD, NEW = "0651bc7063854cf1818a6fecaaa59d0588152896f5afaae1003545baa31d3468", "77d1" * 16
ADVICE = "Compare the new SHA-256 with the operator, by another way than this server."


def alarm(host: str = "chat.example") -> Alarm:
    head = f"THE CERTIFICATE OF {host}:6697 IS NOT FROM WHOM YOU TRUSTED FOR IT, and nothing was sent to it."
    compared = [("trusted since 2026-11-27", OLD), ("now", NEW)]
    return Alarm(head, compared, ADVICE, f"python -m client --forget {host}:6697")


# --- how it reads ---


def test_at_80_columns() -> None:
    assert str(alarm()) == alarm().text(80)
    assert alarm().text(80).splitlines() == [
        "THE CERTIFICATE OF chat.example:6697 IS NOT FROM WHOM YOU TRUSTED FOR IT, and",
        "nothing was sent to it.",
        "    trusted since 2026-11-27  0651 bc70 6385 4cf1 818a 6fec aaa5 9d05",
        "                              8815 2896 f5af aae1 0035 45ba a31d 3468",
        "    now                       77d1 77d1 77d1 77d1 77d1 77d1 77d1 77d1",
        "                              77d1 77d1 77d1 77d1 77d1 77d1 77d1 77d1",
        "Compare the new SHA-256 with the operator, by another way than this server.",
        "    python -m client --forget chat.example:6697",
    ]


def test_at_40_columns() -> None:
    assert alarm("h").text(40).splitlines() == [
        "THE CERTIFICATE OF h:6697 IS NOT FROM",
        "WHOM YOU TRUSTED FOR IT, and nothing was",
        "sent to it.",
        "trusted since 2026-11-27",
        "    0651 bc70 6385 4cf1",
        "    818a 6fec aaa5 9d05",
        "    8815 2896 f5af aae1",
        "    0035 45ba a31d 3468",
        "now",
        *["    77d1 77d1 77d1 77d1"] * 4,
        "Compare the new SHA-256 with the",
        "operator, by another way than this",
        "server.",
        "    python -m client --forget h:6697",
    ]


@given(st.integers(0, 200), st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=100))
def test_nothing_is_wider_and_nothing_is_lost(width: int, host: str) -> None:
    lines = alarm(host).text(width).splitlines()
    assert all(len(line) <= max(width, 20) for line in lines[:-1])
    assert lines[-1].endswith(f"--forget {host}:6697"), "a command is never cut"
    digits = "".join("".join(lines[:-1]).split())
    assert OLD in digits
    assert NEW in digits


def test_on_standard_error_it_is_as_wide_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    assert for_terminal(alarm("h")) == alarm("h").text(80), "this is no terminal"
    monkeypatch.setattr("client.alarm._columns", lambda: 40)
    assert for_terminal(alarm("h")) == alarm("h").text(40)
    assert for_terminal(Trouble("One sentence " * 9)) == "One sentence " * 9, "terminals wrap it themselves"
    assert for_terminal(ValueError("no port")) == "no port"


# --- at a reconnect ---


def now_with(server: FakeServer, context: ssl.SSLContext) -> None:
    """The server is cut off, and shows something else from now on."""

    def change() -> None:
        server._context = context
        for peer in list(server.peers):
            server._drop(peer)

    server.do(change)


Start = Callable[..., Person]


@pytest.fixture
def start(whole: FakeServer) -> Iterator[Start]:
    """Starts people, who trust as they are told to."""
    people: list[Person] = []

    def begin(trust: Trust, *, patient: bool = False) -> Person:
        one = Person(whole.port, Path(), IrcProtocol("alice", ["#lobby"]), trust=trust, patient=patient)
        people.append(one)
        one.connection.start()
        one.sees("in #lobby: ")
        return one

    yield begin
    for one in people:
        one.connection.stop()
        assert one.connection.join(PATIENCE)


def pinned(server: FakeServer, authority: Authority) -> Trust:
    address = Address("localhost", server.port)
    pins.keep(address, ssl.PEM_cert_to_DER_cert(authority.ca.read_text()))
    trust = prepare(address)
    assert isinstance(trust, Trust)
    return trust


@pytest.fixture
def _no_ca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_CA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_no_ca")
def test_another_authority_is_final_and_both_fingerprints_are_shown(
    whole: FakeServer, authority: Authority, other: Authority, start: Start
) -> None:
    one = start(pinned(whole, authority))
    now_with(whole, other.context("localhost", sends=other.chain))
    assert one.connection.over.wait(PATIENCE)
    trouble = one.connection.trouble
    assert isinstance(trouble, Alarm)
    assert (trouble.final, trouble.stranger) == (True, True)
    text = str(trouble)
    assert text.startswith(f"THE CERTIFICATE OF localhost:{whole.port} IS NOT FROM WHOM YOU TRUSTED FOR IT")
    assert all(line in text for line in grouped(authority.fingerprint) + grouped(other.fingerprint))
    assert text.endswith(f"\n    python -m client --forget localhost:{whole.port}")
    assert [message.command for message in whole.seen].count("NICK") == 1, "nothing was sent to it"
    assert whole.accepted == 3, "there was one try, and one look"


@pytest.mark.usefixtures("_no_ca")
def test_a_file_that_vouched_for_it_is_shown_too(whole: FakeServer, authority: Authority, other: Authority, start: Start) -> None:
    one = start(Trust(client_context(authority.ca), "the authority in ca.pem"))
    now_with(whole, other.context("localhost"))
    assert one.connection.over.wait(PATIENCE)
    text = str(one.connection.trouble)
    assert f"    trusted  {grouped(authority.fingerprint)[0]}\n" in text
    assert " ".join(text.split()).endswith("get the new ca.pem from the operator, and start again with that.")


def test_many_that_vouched_for_it_are_named(whole: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust = Trust(context, "an authority that this computer knows")
    text = str(explainer(Address("localhost", whole.port), trust)(Trouble("x", stranger=True), True))
    assert "    trusted  an authority that this computer knows\n" in text


def test_who_sends_what_we_trust_without_its_key_is_shown_as_what_it_is(
    whole: FakeServer, authority: Authority, other: Authority
) -> None:
    der = ssl.PEM_cert_to_DER_cert(authority.ca.read_text())
    address = Address("localhost", whole.port)
    trust = Trust(client_context(authority.ca), "x", Pin(der))
    stranger = Trouble("x", stranger=True)
    assert str(explainer(address, trust)(stranger, True)).count(grouped(authority.fingerprint)[0]) == 1
    with FakeServer(authority.context("localhost")) as alone:
        context = ssl.create_default_context(cafile=str(authority.ca))
        with (
            socket.create_connection(("localhost", alone.port)) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as sock,
        ):
            leaf = sock.getpeercert(binary_form=True)
        assert leaf is not None
        text = str(explainer(Address("localhost", alone.port), Trust(context, "x", Pin(leaf)))(stranger, True))
        assert "the same once more" in text


@pytest.mark.usefixtures("_no_ca")
@pytest.mark.parametrize(
    ("names", "days", "words"),
    [(("localhost",), 5, "has expired"), (("chat.example",), 30, "is not for localhost")],
)
def test_what_is_no_other_authority_is_waited_for(
    whole: FakeServer, authority: Authority, start: Start, names: tuple[str, ...], days: int, words: str
) -> None:
    one = start(pinned(whole, authority))
    now_with(whole, authority.context(*names, start=-10, days=days, sends=authority.chain))
    Waits.until(lambda: words in one.screen.text(), one.screen.text)
    now_with(whole, authority.context("localhost", sends=authority.chain))
    one.sees("connected again as alice")


@pytest.mark.usefixtures("_no_ca")
def test_who_is_patient_tries_on_and_says_so(whole: FakeServer, authority: Authority, other: Authority, start: Start) -> None:
    one = start(pinned(whole, authority), patient=True)
    now_with(whole, other.context("localhost"))
    Waits.until(lambda: "is not signed by" in one.screen.text(), one.screen.text)
    now_with(whole, authority.context("localhost"))
    one.sees("connected again as alice")


@pytest.mark.usefixtures("_no_ca")
def test_without_the_full_screen_the_client_ends_with_it(whole: FakeServer, authority: Authority, other: Authority) -> None:
    pinned(whole, authority)
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "client", f"localhost:{whole.port}", "--name", "alice"]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as client:
        Waits.until(lambda: whole.joined("alice"), "in the lobby")
        now_with(whole, other.context("localhost", sends=other.chain))
        assert client.wait(PATIENCE) == 1
        assert client.stderr is not None
        said = client.stderr.read()
    assert "THE CERTIFICATE OF localhost:" in said
    assert grouped(other.fingerprint)[0] in said


# --- in the full screen ---


@pytest.mark.usefixtures("_no_ca")
def test_a_session_of_the_full_screen_ends_with_it(whole: FakeServer, authority: Authority, other: Authority) -> None:
    """As `door.knock` and the command line make them."""
    pinned(whole, authority)
    session = session_for(knock(f"localhost:{whole.port}", "alice").visit())
    session.link.start()
    Waits.until(lambda: whole.joined("alice"), "in the lobby")
    now_with(whole, other.context("localhost", sends=other.chain))
    Waits.until(lambda: (session.turn(), session.ended)[1], "it ends")
    assert isinstance(session.alarm(), Alarm)
    assert session.alarm() is None, "once is enough"
    assert grouped(other.fingerprint)[0] in str(session.trouble)
    assert session.link.join(PATIENCE)


def test_nobody_overlooks_it_in_the_full_screen() -> None:
    desk = Desk(servers=("chat.example", "other.example"))

    async def scenario() -> None:
        await desk.greeted()
        await desk.types("half a sent")
        desk.link.end(alarm())
        await desk.sees("Not whom you trusted", "THE CERTIFICATE OF chat.example:6697", "0651 bc70 6385 4cf1", "77d1 77d1")
        await desk.shows("alarm-80x24")
        await desk.types("ence")
        await desk.keys("enter", "tab", "enter", "ctrl+c", "x", "backspace")
        desk.app.post_message(Paste(", and\nmore"))
        await desk.settle()
        await desk.sees("THE CERTIFICATE OF chat.example:6697")
        await desk.keys("escape")
        await desk.sees_no("THE CERTIFICATE OF chat.example:6697")
        await desk.sees("NOT WHOM YOU TRUSTED, and not tried again", "THIS SERVER IS NOT VOUCHED FOR BY WHOM YOU TRUSTED")
        assert desk.app.main.composer.text == "half a sentence, and\nmore", "what was being typed is there, and was not sent"
        desk.app._has_ended(desk.session)
        await desk.settle()
        assert desk.app.screen is desk.app.main, "it is said once"

    desk.run(scenario)
    server = [entry for entry in desk.session.view.buffer("").entries.newest(20) if entry.mark is Mark.ERROR]
    assert "python -m client --forget chat.example:6697" in server[-1].text
    assert desk.dialect.did("say") == []


def test_a_password_that_is_being_typed_when_it_comes_is_not_shown_for_it() -> None:
    desk = Desk(servers=("chat.example", "other.example"))

    async def scenario() -> None:
        await desk.greeted()
        desk.session.chat.log_in("grace")
        desk.session.chat._refresh()
        desk.app.main.sync()
        await desk.types("s3c")
        desk.sessions[1].link.trouble = alarm("other.example")
        desk.sessions[1].inbox.ended()
        await desk.sees("THE CERTIFICATE OF other.example:6697")
        await desk.types("retx")
        await desk.keys("backspace", "enter")
        desk.app.post_message(Paste("!"))
        await desk.settle()
        await desk.keys("escape", "enter")

    desk.run(scenario)
    assert desk.dialect.did("log_in") == [("log_in", "s3cret!", "grace")]
    assert desk.app.main.composer.text == ""


def test_nothing_is_typed_where_nobody_types() -> None:
    desk = Desk()

    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(said("hm", second=1))
        await desk.keys("alt+up")
        desk.link.end(alarm("h"))
        await desk.sees("THE CERTIFICATE OF")
        await desk.keys("d", "backspace")
        desk.app.post_message(Paste("!"))
        await desk.settle()
        await desk.keys("escape")
        await desk.sees_no("THE CERTIFICATE OF")

    desk.run(scenario)
    assert desk.app.main.composer.text == ""


def second(desk: Desk, host: str = "other.example") -> None:
    """Another server's alarm."""
    desk.sessions[1].link.trouble = alarm(host)
    desk.sessions[1].inbox.ended()


def two() -> Desk:
    return Desk(servers=("chat.example", "other.example"))


def test_what_is_typed_under_two_of_them_is_not_lost() -> None:
    desk = two()

    async def scenario() -> None:
        await desk.greeted()
        await desk.types("half ")
        desk.link.end(alarm())
        second(desk)
        await desk.until(lambda: len([each for each in desk.app.screen_stack if isinstance(each, AlarmScreen)]) == 2)
        await desk.settle()
        await desk.types("a ")
        await desk.keys("escape")
        await desk.types("sentence")
        await desk.keys("escape")
        assert desk.app.screen is desk.app.main

    desk.run(scenario)
    assert desk.app.main.composer.text == "half a sentence"


@pytest.mark.parametrize("paste", [False, True])
def test_what_is_typed_takes_the_place_of_what_is_selected(paste: bool) -> None:
    desk = Desk()

    async def scenario() -> None:
        await desk.greeted()
        await desk.types("one two")
        await desk.keys("shift+home")
        desk.link.end(alarm())
        await desk.sees("THE CERTIFICATE OF")
        if paste:
            desk.app.post_message(Paste("three"))
            await desk.settle()
        else:
            await desk.types("three")
        await desk.keys("escape")

    desk.run(scenario)
    assert desk.app.main.composer.text == "three"


def test_a_letter_under_it_is_no_answer_to_a_dialog() -> None:
    desk = Desk()

    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(said("hm", second=1))
        await desk.keys("alt+up", "e")
        await desk.types("he")
        desk.link.end(alarm())
        await desk.sees("THE CERTIFICATE OF")
        await desk.keys("backspace", "backspace")
        await desk.types("1")
        desk.app.post_message(Paste("2"))
        await desk.settle()
        await desk.types("hea")
        await desk.keys("backspace", "enter")
        assert isinstance(desk.app.screen, AlarmScreen), "it has not been read"
        await desk.keys("escape")
        assert isinstance(desk.app.screen, React)
        assert desk.app.screen.query_one(Input).value == "he"
        await desk.types("a")
        assert desk.app.screen.query_one(Input).value == "hea", "and one types on"
        await desk.keys("escape")
        await desk.until(lambda: desk.app.screen is desk.app.main)

    desk.run(scenario)
    assert desk.dialect.did("react") == []


def test_where_an_answer_is_left_by_taking_a_letter_away_it_is_none_either() -> None:
    desk = Desk()

    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(said("hm", second=1))
        await desk.keys("alt+up", "e")
        desk.app.post_message(Paste("12"))
        await desk.settle()
        desk.link.end(alarm())
        await desk.sees("THE CERTIFICATE OF")
        await desk.keys("backspace")
        assert isinstance(desk.app.screen, AlarmScreen)
        await desk.keys("escape")
        assert isinstance(desk.app.screen, React)

    desk.run(scenario)
    assert desk.dialect.did("react") == []


def test_a_server_that_answers_meanwhile_is_gone_to_when_it_has_been_read(authority: Authority) -> None:
    desk, go, met = Desk(), threading.Event(), list[Met | None]()
    found = Met(Link(Address("h.example", 6697), (), ""), "grace", Trust(client_context(authority.ca), "x"))

    def knock(address: str, name: str) -> Met:
        assert go.wait(PATIENCE)
        return found

    async def scenario() -> None:
        await desk.greeted()
        servers = Servers([], "grace", knock)
        desk.app.push_screen(servers, met.append)
        await desk.settle()
        await desk.types("h.example")
        await desk.keys("enter")
        desk.link.end(alarm())
        await desk.sees("THE CERTIFICATE OF")
        await desk.types(":7")
        assert servers.query_one("#address", Input).value == "h.example:7", "in a line to type in it is text"
        go.set()
        await desk.until(lambda: servers._late is not None)
        await desk.settle()
        assert isinstance(desk.app.screen, AlarmScreen)
        assert met == []
        await desk.keys("escape")
        await desk.until(lambda: desk.app.screen is desk.app.main)

    desk.run(scenario)
    assert met == [found]


def test_in_a_narrow_screen_it_can_be_scrolled() -> None:
    desk = Desk()

    async def scenario() -> None:
        await desk.greeted()
        desk.link.end(alarm("h"))
        await desk.sees("THE CERTIFICATE OF", "Esc I have read it")
        assert not any("--forget" in row for row in desk.rows())
        await desk.keys("end")
        await desk.sees("python -m client", "Esc I have read it")

    desk.run(scenario, size=(40, 14))


def test_a_server_that_was_added_is_told_about_too() -> None:
    desk = Desk(servers=("chat.example", "other.example"))

    async def scenario() -> None:
        await desk.greeted()
        link = desk.sessions[1].link
        link.trouble = alarm("other.example")
        desk.sessions[1].inbox.ended()
        await desk.sees("THE CERTIFICATE OF other.example:6697")

    desk.run(scenario)
    assert desk.sessions[1].view.front.target == "", "and what it says itself is in front there"


def test_the_reason_of_a_loss_is_in_the_line_of_state() -> None:
    desk = Desk()

    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(e.Lost(9.0, "The certificate of chat.example:6697 has \x1b expired."))
        await desk.sees("next try in 9 s: The certificate of chat.example:6697 has \\x1b expired.")

    desk.run(scenario, size=(160, 24))
