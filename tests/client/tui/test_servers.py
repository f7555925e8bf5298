"""Another server, from inside the full screen."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest
from textual.widgets import Static

from client import events as e
from client import folders, known, locks, pins
from client.address import Address, Link
from client.chat import LONGEST_NICK
from client.errors import Trouble
from client.firstuse import Stranger, Trust
from client.trust import client_context
from client.tui import settings
from client.tui.app import TRUST
from client.tui.cells import cell_len
from client.tui.door import Met, knock, session_for
from client.tui.screens.question import Question, beside
from client.tui.session import Link as Connected
from client.tui.session import Session
from tests.client.fake_server import PATIENCE, FakeServer, Waits
from tests.client.tui.desk import Desk, FakeLink, Recorder
from wire.fingerprints import grouped
from wire.names import valid_nick

OTHER = Address("other.example", 6697)


def a_link(address: Address = OTHER) -> Link:
    return Link(address, (), "")


def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sessions are opened without a network; their addresses."""
    addresses: list[str] = []

    def open_one(visit: object) -> Session:
        address = visit.address  # type: ignore[attr-defined]
        addresses.append(str(address))
        return Session(address, Recorder(), "#lobby", FakeLink)  # type: ignore[arg-type]

    monkeypatch.setattr("client.tui.app.session_for", open_one)
    return addresses


def test_a_known_server_is_chosen(desk: Desk, ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses, asked = opened(monkeypatch), list[tuple[str, str]]()
    known.remember(OTHER, "hopper")
    known.remember(Address("chat.example", 6697), "grace")

    def answer(text: str, name: str) -> Met:
        asked.append((text, name))
        if len(asked) == 1:
            raise Trouble("Nothing listens there.")
        return Met(a_link(), name, Trust(client_context(ca), "the CA"))

    desk.app.knock = answer

    async def scenario() -> None:
        await desk.greeted()
        await desk.keys("alt+s")
        await desk.sees("other.example:6697", "hopper")
        assert not any("chat.example:6697" in row for row in desk.rows()), "there we are already"
        await desk.keys("enter")
        assert asked == []
        await desk.keys("down", "enter")
        await desk.sees("Nothing listens there.")
        await desk.keys("up", "enter")
        await desk.until(lambda: addresses == ["other.example:6697"])
        await desk.sees("○ other.example", "connecting")
        assert desk.app.workspace.server.address == OTHER

    desk.run(scenario)
    assert asked == [("other.example:6697", "hopper")] * 2


@pytest.mark.parametrize("yes", [True, False])
def test_whom_nobody_knows_a_person_decides_about(
    desk: Desk, server: FakeServer, monkeypatch: pytest.MonkeyPatch, *, yes: bool
) -> None:
    monkeypatch.chdir("/")  # no var/certs here
    addresses = opened(monkeypatch)
    address = Address("localhost", server.port)

    async def scenario() -> None:
        await desk.greeted()
        await desk.keys("alt+s")
        await desk.types(str(address))
        await desk.keys("tab", "enter")
        await desk.sees("Compare the SHA-256", f"localhost:{server.port}")
        await desk.keys(*(("left", "enter") if yes else ("enter",)))
        await desk.sees_no("Compare the SHA-256")
        await desk.until(lambda: bool(addresses) == yes)

    desk.run(scenario)
    assert addresses == ([str(address)] if yes else [])
    assert (pins.find(address) is not None) == yes


def test_a_fingerprint_can_be_compared_in_every_width() -> None:
    first, second = grouped("0123456789abcdef" * 4)
    rows = [("server", "chat.example:6697"), ("authority", "O=Parley, CN=Parley CA cff4753d"), ("SHA-256", first), ("", second)]
    assert beside(rows, 80).splitlines()[2:] == [f"SHA-256    {first}", f"           {second}"]
    narrow = beside(rows, 40).splitlines()
    assert narrow[3:] == ["SHA-256    0123 4567 89ab cdef", *["           0123 4567 89ab cdef"] * 3]
    assert narrow[:3] == ["server     chat.example:6697", "authority  O=Parley, CN=Parley CA", "           cff4753d"]
    assert beside(rows, 20).splitlines()[-1] == narrow[-1]


FORGED = " SHA-256    0651 bc70 6385 4cf1 818a 6fec aaa5 9d05"


@pytest.mark.parametrize("size", [(80, 24), (80, 12), (40, 20), (22, 20)])
@pytest.mark.parametrize("name", ["漢" * 27, "x" * 55, "a\u200d" * 30])
def test_a_name_never_looks_like_a_row_of_ours(desk: Desk, size: tuple[int, int], name: str) -> None:
    first, second = grouped("77d1" * 16)
    rows = [("server", "chat.example:6697"), ("authority", f"O={name}{FORGED}"), ("SHA-256", first), ("", second)]
    made = beside(rows, size[0]).splitlines()
    assert [line.split()[0] for line in made if line[0] != " "] == ["server", "authority", "SHA-256"]

    async def scenario() -> None:
        desk.app.push_screen(Question("Whom to trust", TRUST.format(what=beside(rows, size[0])), yes="It is the same"))
        await desk.sees("Whom to trust")
        await desk.settle()
        text = desk.app.screen.query_one(Static)
        assert max(map(cell_len, made)) <= text.size.width or size[0] < 34, "the window wraps none of it"

    desk.run(scenario, size)


def test_whom_to_trust_is_asked_so(desk: Desk) -> None:
    first, second = grouped("0123456789abcdef" * 4)
    rows = [("server", "chat.example:6697"), ("authority", "O=Parley, CN=Parley CA cff4753d")]
    rows += [("valid", "2026-01-01 to 2036-01-01"), ("SHA-256", first), ("", second)]

    async def scenario() -> None:
        await desk.greeted()
        desk.app.push_screen(Question("Whom to trust", TRUST.format(what=beside(rows, 80)), yes="It is the same"))
        await desk.shows("trust-80x24")

    desk.run(scenario)


def test_a_question_that_is_higher_than_the_window_can_be_read_and_answered(desk: Desk) -> None:
    answers: list[bool | None] = []

    async def scenario() -> None:
        await desk.greeted()
        desk.app.push_screen(Question("Long", "\n".join(f"line {number}" for number in range(30))), answers.append)
        await desk.sees("Yes", "line 29")
        await desk.keys(*["pageup"] * 4)
        await desk.sees("line 0")
        await desk.keys(*["down"] * 4)
        await desk.sees("Yes")
        await desk.keys("left", "enter")

    desk.run(scenario, size=(40, 14))
    assert answers == [True]


def test_knocking(server: FakeServer, ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_CA", str(ca))
    address = Address("localhost", server.port)
    known.remember(address, "grace", "grace", ("#dev",))
    monkeypatch.setattr("client.passwords.find", lambda *_: "s3cret")
    met = knock(str(address), "grace hopper")
    assert isinstance(met.found, Trust)
    assert valid_nick(met.name, LONGEST_NICK)
    assert met.login is not None
    visit = met.visit()
    assert visit.rooms == ["#dev"]
    session = session_for(visit)
    assert session.view.front.target == "#dev"
    session.link.start()
    session.link.stop()
    assert session.link.join(PATIENCE)
    with pytest.raises(ValueError, match="is no server address"):
        knock("no address", "grace")


def tried(server: FakeServer) -> list[str]:
    return [message.param(0) for message in server.seen if message.command == "AUTHENTICATE"]


def test_a_known_account_without_a_keyring_is_asked_for_its_password_before_all_else(
    server: FakeServer, ca: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = Address("localhost", server.port)
    monkeypatch.setenv("PARLEY_CA", str(ca))
    known.remember(address, "grace", "grace", ("#dev",))
    server.caps += " sasl"
    visit = knock(str(address), "grace").visit()
    assert visit.kept is None, "and is not offered to a keyring that there is not"
    session = session_for(visit)
    assert session.view.front.target == "#dev"
    assert (session.wants_password, session.question) == (True, "The password of grace")
    session.link.start()
    try:
        session.chat.typed("s3cret")
        assert not session.wants_password
        Waits.until(lambda: len(tried(server)) == 2, "it is given, and only then")
        assert base64.b64decode(tried(server)[1]) == b"\0grace\0s3cret"
    finally:
        session.link.stop()
        assert session.link.join(PATIENCE)


def test_trust_that_cannot_be_kept_is_said_in_the_room(ca: Path) -> None:
    session = session_for(Met(a_link(Address("localhost", 1)), "grace", Trust(client_context(ca), "the CA", kept=False)).visit())
    assert ["cannot be stored" in entry.text for entry in session.view.front.entries.newest(5)] == [True]
    session.link.start()
    session.link.stop()
    assert session.link.join(PATIENCE)


def test_a_stranger_shows_what_there_is_to_compare(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    met = knock(f"localhost:{server.port}", "grace")
    assert isinstance(met.found, Stranger)
    assert met.visit().rooms == ["#lobby"]


def test_one_server_is_left_and_the_other_stays() -> None:
    desk = Desk(servers=("one.example", "two.example"))

    async def scenario() -> None:
        await desk.greeted()
        desk.app.main.go(desk.app.workspace.places()[-1])
        two = desk.sessions[1]
        await desk.types("/disconnect")
        await desk.keys("enter")
        assert isinstance(two.link, FakeLink)
        assert two.link.stopped
        await desk.sees_no("two.example")
        assert desk.app.workspace.servers == [desk.session]
        assert not desk.link.stopped
        await desk.types("/disconnect")
        await desk.keys("enter")
        await desk.sees("This is the only server")
        assert not desk.link.stopped
        await desk.keys("f1")
        await desk.sees("Keys and commands")

    desk.run(scenario)


def test_a_server_that_has_ended_is_put_away_and_one_with_something_unsent_after_a_question() -> None:
    desk = Desk(servers=("one.example", "two.example", "three.example"))

    async def scenario() -> None:
        await desk.greeted()
        link = desk.sessions[1].link
        assert isinstance(link, FakeLink)
        link.end(Trouble("gone"))
        await desk.sees("✕ two.example")
        desk.app.main.go(desk.app.workspace.rooms(desk.sessions[1])[0])
        await desk.types("/disconnect")
        await desk.keys("enter")
        await desk.sees_no("two.example")
        assert desk.app.workspace.server is desk.session
        await desk.happens(e.Sending("#lobby", ("on its way",)))
        await desk.types("/disconnect")
        await desk.keys("enter")
        await desk.sees("not stored yet")
        await desk.keys("escape")
        assert not desk.link.stopped
        await desk.types("/disconnect")
        await desk.keys("enter", "left", "enter")
        await desk.until(lambda: desk.app.workspace.servers == [desk.sessions[2]])
        assert desk.link.stopped

    desk.run(scenario)


def test_no_key_waits_for_a_disk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    go, replace = threading.Event(), folders.replace

    def slow(path: Path, data: bytes, temporary: Path) -> None:
        go.wait(PATIENCE)
        replace(path, data, temporary)

    monkeypatch.setattr(folders, "replace", slow)

    async def scenario() -> None:
        await desk.greeted()
        await desk.keys("ctrl+t")
        await desk.types("typed meanwhile")
        await desk.sees("typed meanwhile")
        assert not desk.app.writer.flush(0)
        assert not settings.file().exists()
        go.set()
        await desk.written()
        assert settings.load().theme == desk.app.wanted.theme != settings.Settings().theme

    desk.run(scenario)


@pytest.mark.parametrize("patience", [PATIENCE, 0.05], ids=["it comes free", "it does not"])
def test_whom_we_trust_is_stored_though_another_client_has_the_lock_or_that_it_is_not_is_said(
    desk: Desk, server: FakeServer, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    monkeypatch.setattr(locks, "PATIENCE", patience)
    monkeypatch.chdir("/")
    address, links = Address("localhost", server.port), list[Connected]()

    async def scenario() -> None:
        await desk.greeted()
        met = knock(str(address), "grace")
        with locks.alone(pins.file()):
            desk.app._visit(met)
            await desk.types("typed meanwhile")
            await desk.sees("typed meanwhile")
            if patience < PATIENCE:
                await desk.sees("cannot be stored in")
        await desk.until(lambda: desk.app.workspace.server.address == address)
        assert (pins.find(address) is not None) == (patience == PATIENCE)
        links.append(desk.app.workspace.server.link)
        desk.app.workspace.server.stop()
        await desk.until(lambda: desk.app.workspace.servers == [desk.session])

    desk.run(scenario)
    assert links[0].join(PATIENCE)


def test_whom_another_client_pinned_while_the_question_stood_is_not_replaced(
    desk: Desk, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    address = Address("localhost", server.port)

    async def scenario() -> None:
        await desk.greeted()
        met = knock(str(address), "grace")
        pins.keep(address, b"")
        desk.app._visit(met)
        await desk.sees("Not whom you trusted", "IS NOT FROM WHOM YOU TRUSTED")
        assert desk.app.workspace.servers == [desk.session]

    desk.run(scenario)
    assert pins.find(address).by_system  # type: ignore[union-attr]
