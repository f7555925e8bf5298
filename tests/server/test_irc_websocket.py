"""IRC over WebSocket, on a real server over real TLS. Quoted: https://ircv3.net/specs/extensions/websocket and RFC 6455."""

from __future__ import annotations

import gc
import logging
import re
import socket
import ssl
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect as library_connect
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from server.transport.connection import Connection
from server.transport.websocket import WebSocket
from server.transport.worker import Worker
from tests.server.harness import PATIENCE_S, Client, Running, running_server
from tests.server.web import BINARY, TEXT, Web
from wire.message import parse

Visit = Callable[..., Web]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running_server(tmp_path, listen_websocket="127.0.0.1:0") as running:
        yield running


@pytest.fixture
def visit(server: Running) -> Iterator[Visit]:
    """`visit("alice", ...)`: a WebSocket client of `server`, closed at the end."""
    with ExitStack() as stack:
        yield lambda nick="", **more: stack.enter_context(Web(server, nick, **more))


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What the server logged."""
    caplog.set_level(logging.INFO, "parley")
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


def tls(server: Running, *, protocols: tuple[str, ...] = ()) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(server.ca))
    if protocols:
        context.set_alpn_protocols(protocols)
    raw = socket.create_connection(("127.0.0.1", server.web_port), timeout=PATIENCE_S)
    return context.wrap_socket(raw, server_hostname="localhost")


def request() -> bytes:
    protocol = ClientProtocol(parse_uri("wss://localhost/"))
    protocol.send_request(protocol.connect())
    return b"".join(protocol.data_to_send())


def masked(opcode: Opcode, data: bytes) -> bytes:
    return Frame(opcode, data).serialize(mask=True)


def everything(sock: ssl.SSLSocket) -> bytes:
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


@pytest.mark.parametrize("caps", [[], ["batch", "draft/multiline", "message-tags"]])
def test_a_message_of_several_lines_is_several_messages(server: Running, visit: Visit, caps: list[str]) -> None:
    """ "each containing a single IRC line": the batch and each of its lines for those who know such, else each line."""
    ann = visit("ann", caps=caps)
    with Client(server, "bob", caps="batch draft/multiline message-tags") as bob:
        for person in (ann, bob):
            person.ask("JOIN #a")
        ann.sync()
        said = ["BATCH +1 draft/multiline #a", "@batch=1 PRIVMSG #a :one", "@batch=1 PRIVMSG #a :two", "BATCH -1"]
        bob.ask(*said)
        lines = [parse(line) for line in ann.sync()]  # Web checks that every message is one line
    assert [line.command for line in lines] == (["BATCH", "PRIVMSG", "PRIVMSG", "BATCH"] if caps else ["PRIVMSG", "PRIVMSG"])
    assert [line.params[1] for line in lines if line.command == "PRIVMSG"] == ["one", "two"]


# -- talking -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [((TEXT,), TEXT), ((BINARY,), BINARY), ((BINARY, TEXT), BINARY), ((TEXT, BINARY), TEXT), ((), None), (("chat",), None)],
)
def test_messages_are_of_the_kind_agreed_on(
    visit: Visit, connect: Callable[..., Client], offered: tuple[str, ...], agreed: str
) -> None:
    """ "If `binary.ircv3.net` is negotiated, then client and server will exchange binary messages; if `text.ircv3.net` is
    negotiated, then they will exchange text messages." `Web` checks that of every message; without a subprotocol it is text."""
    ann, bob = visit("ann", subprotocols=offered), connect("bob")
    assert ann.protocol.subprotocol == agreed
    ann.send("PRIVMSG bob :grüße ☃")
    assert bob.message().params == ["bob", "grüße ☃"]
    bob.send("PRIVMSG ann :hello")
    assert ann.message().params == ["ann", "hello"]


def test_the_library_for_clients_gets_along_with_it(server: Running) -> None:
    context = ssl.create_default_context(cafile=str(server.ca))
    url = f"wss://localhost:{server.web_port}/irc"
    with library_connect(url, ssl=context, subprotocols=[Subprotocol(TEXT)]) as web:
        web.send("NICK ann")
        web.send(iter(["USER a 0 ", "* :in ", "pieces"]))
        while parse(str(web.recv(timeout=PATIENCE_S))).command != "422":
            pass
        web.ping().wait(PATIENCE_S)
        web.send("QUIT :bye")
        assert str(web.recv(timeout=PATIENCE_S)).startswith("ERROR :")


def test_everybody_sees_one_order(server: Running, visit: Visit, connect: Callable[..., Client]) -> None:
    """An IRC client, a plain one, and WebSockets of both kinds, with tags and without, are in one room."""
    irc, text, binary = connect("irc"), visit("text"), visit("binary", subprotocols=(BINARY,))
    tagged = visit("tagged", caps="server-time message-tags echo-message")
    context = ssl.create_default_context(cafile=str(server.ca))
    with context.wrap_socket(
        socket.create_connection(("127.0.0.1", server.plain_port), timeout=PATIENCE_S), server_hostname="localhost"
    ) as plain:
        members = [irc, text, binary, tagged]
        for member in members:
            member.ask("JOIN #lobby")
        plain.sendall(b"pia\n")
        for member in members:
            member.until(r":pia!\S+ JOIN ")
        for number in range(20):
            for member in members:
                member.send(f"PRIVMSG #lobby :{member.nick} {number}")
        for member in members:
            member.sync()
        irc.send("PRIVMSG #lobby :end")
        orders: list[list[str]] = []
        for member in members[1:]:
            member.until(" PRIVMSG #lobby :end")
            orders.append([parse(line).params[1] for line in member.seen if " PRIVMSG #lobby " in line])
        heard = b""
        while b"irc: end" not in heard:
            heard += plain.recv(65536)
        orders.append([line.partition(": ")[2] for line in heard.decode().splitlines() if " " in line and line[:4] != "* yo"])
    whole = orders[2]  # echo-message: everything
    assert len(whole) == 81
    for name, order in (("text", orders[0]), ("binary", orders[1])):
        assert order == [line for line in whole if not line.startswith(name + " ")]
    assert [line for line in orders[3] if line in set(whole)] == whole


def test_a_text_and_a_binary_member_get_their_own_bytes_of_the_same(visit: Visit) -> None:
    """Including what an author does not get back, several rooms at once, and a nick that all see once."""
    ann, bob = visit("ann"), visit("bob", subprotocols=(BINARY,))
    for member in (ann, bob):
        member.ask("JOIN #a,#b")
    ann.sync()
    ann.send("PRIVMSG #a :one", "PRIVMSG #b :two", "NICK anna", "PRIVMSG #a :three")
    assert [parse(bob.line()).command for _ in range(4)] == ["PRIVMSG", "PRIVMSG", "NICK", "PRIVMSG"]
    assert [line for line in ann.sync() if " PRIVMSG " in line] == []
    bob.send("PRIVMSG #a :four")
    assert ann.message().params == ["#a", "four"]


def test_a_long_line_takes_a_longer_header(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, listen_websocket="127.0.0.1:0", limits_line=65536) as server,
        Web(server, "ann") as ann,
    ):
        for size in (10, 200, 60000):
            ann.send(f"PRIVMSG ann :{'x' * size}")
            assert len(ann.message().params[1]) == size


def test_history_comes_in_messages_too(visit: Visit) -> None:
    ann = visit("ann", caps="batch draft/chathistory message-tags server-time labeled-response")
    ann.ask("JOIN #a")
    ann.ask(*[f"PRIVMSG #a :{number}" for number in range(5)])
    lines = ann.ask("@label=x CHATHISTORY LATEST #a * 10")
    assert [parse(line).params[1] for line in lines if " PRIVMSG " in line] == ["0", "1", "2", "3", "4"]


def test_commands_sent_with_the_opening_request_are_not_lost(server: Running) -> None:
    """A client should wait for the answer; one that does not loses nothing."""
    with tls(server) as sock:
        sock.sendall(request() + masked(Opcode.TEXT, b"NICK ann"))
        sock.sendall(masked(Opcode.TEXT, b"USER a 0 * :a"))
        heard = b""
        while b" 001 ann " not in heard:
            heard += sock.recv(65536)
    assert heard.startswith(b"HTTP/1.1 101 ")


# -- what a message may be ---------------------------------------------------------------------------------------------------


def test_a_trailing_line_end_is_forgiven(visit: Visit) -> None:
    ann = visit("ann")
    ann.send("PING one\r\n", "PING two\n")
    assert [ann.message().params[-1] for _ in range(2)] == ["one", "two"]


@pytest.mark.parametrize(
    "message", ["PING one\r\nPING two", "PING one\nPING two", "PRIVMSG ann :x\n:evil QUIT", "\nPING one", "PING a\n\n"]
)
def test_a_message_is_one_line(visit: Visit, message: str) -> None:
    """ "each message MUST consist of a single IRC line": a line end within is an error, and nothing of it is carried out."""
    ann = visit("ann")
    ann.send(message)
    answer = ann.message()
    assert (answer.command, answer.params[-1]) == ("400", "a line holds neither NUL nor a line end")
    assert ann.sync() == []


def test_a_text_message_that_is_no_utf8_ends_the_connection(visit: Visit, said: Callable[[], str]) -> None:
    """RFC 6455 8.1: "When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream is not, in fact, a
    valid UTF-8 stream, that endpoint MUST _Fail the WebSocket Connection_." """
    ann = visit("ann")
    ann.send_frame(Opcode.TEXT, b"PRIVMSG ann :caf\xe9")
    assert ann.closed() == (1007, "a text message that is not UTF-8")
    assert "closed with 1007" in said()


@pytest.mark.parametrize("subprotocol", [BINARY, TEXT])
def test_a_binary_message_that_is_no_utf8_is_answered(visit: Visit, subprotocol: str) -> None:
    """UTF8ONLY: FAIL and the command, INVALID_UTF8; the connection goes on."""
    ann = visit("ann", subprotocols=(subprotocol,))
    ann.send_frame(Opcode.BINARY, b"PRIVMSG ann :caf\xe9")
    assert ann.message().params[:2] == ["PRIVMSG", "INVALID_UTF8"]
    assert ann.sync() == []


def test_the_size_of_a_line_is_reduced_by_its_end(visit: Visit) -> None:
    """ "Maximum message size is reduced by two bytes accordingly (ie. to 510 bytes by default for the non-tags part)" """
    ann = visit("ann", caps="message-tags")
    tags = "@+a=" + "t" * 4000
    fits = "PING :" + "x" * 504
    assert [parse(line).command for line in (ann.ask(fits), ann.ask(f"{tags} {fits}"))[0]] == ["PONG"]
    assert ann.numerics(fits + "x") == ["417"]
    assert ann.numerics("PING :" + "x" * 4600) == ["417"]


def test_too_long_a_message_ends_the_connection_with_1009(visit: Visit, said: Callable[[], str]) -> None:
    """ "Clients and servers SHOULD impose limits on the maximum size of messages they will accept ... The limits SHOULD reflect the
    increased total line lengths allowed by the message-tags specification." """
    ann, bob = visit("ann"), visit("bob")
    ann.ask("JOIN #a")
    bob.ask("JOIN #a")
    ann.send("x" * (4094 + 512 + 1))
    assert ann.closed()[0] == 1009
    assert "closed with 1009" in said()
    assert bob.until("QUIT").startswith(":ann!")


def test_pieces_and_control_frames_between_them(visit: Visit) -> None:
    """RFC 6455 5.4: "Control frames MAY be injected in the middle of a fragmented message." """
    ann = visit("ann")
    ann.send_frame(Opcode.TEXT, "PING gr\u00fc".encode()[:-1], fin=False)  # in the middle of a character
    ann.send_frame(Opcode.PING, b"are you there")
    assert ann.pong() == b"are you there"
    ann.send_frame(Opcode.CONT, "\u00fc".encode()[1:] + b"n", fin=False)
    ann.send_frame(Opcode.PONG, b"unasked")
    ann.send_frame(Opcode.CONT, b"")
    assert ann.message().params[-1] == "gr\u00fcn"


def test_a_ping_flood_ends_the_connection(visit: Visit) -> None:
    ann = visit("ann")
    ann.send_raw(masked(Opcode.PING, b"") * 2000)
    assert ann.closed() == (1008, "too many frames without a line")


def test_unmasked_frames_end_the_connection(visit: Visit) -> None:
    """RFC 6455 5.1: "The server MUST close the connection upon receiving a frame that is not masked." """
    ann = visit("ann")
    ann.send_frame(Opcode.TEXT, b"PING a", mask=False)
    assert ann.closed() == (1002, "incorrect masking")


# -- goodbyes ----------------------------------------------------------------------------------------------------------------


def test_quit_is_answered_and_closed_with_1000(visit: Visit) -> None:
    ann = visit("ann")
    ann.send("QUIT :bye")
    assert ann.until("ERROR")
    assert ann.closed()[0] == 1000


def test_a_close_frame_ends_the_session_and_is_echoed(visit: Visit) -> None:
    """RFC 6455 5.5.1: "the endpoint MUST send a Close frame in response" """
    ann, bob = visit("ann"), visit("bob")
    ann.ask("JOIN #a")
    bob.ask("JOIN #a")
    ann.send("PRIVMSG #a :last words")
    ann.protocol.send_close(4001, "window closed")
    ann.flush()
    assert ann.closed() == (4001, "window closed")
    assert bob.message().params == ["#a", "last words"]
    assert bob.message().params == ["Connection closed"]


def test_a_connection_that_breaks_ends_the_session(visit: Visit) -> None:
    ann, bob = visit("ann"), visit("bob")
    ann.ask("JOIN #a")
    bob.ask("JOIN #a")
    ann.close()
    assert bob.message().command == "QUIT"


def test_the_end_of_the_server_is_1001(tmp_path: Path) -> None:
    with running_server(tmp_path, listen_websocket="127.0.0.1:0") as server, Web(server, "ann") as ann:
        server.server.stop(5)
        assert ann.until("ERROR") == "ERROR :Closing link: (Server shutting down)"
        assert ann.closed() == (1001, "Server shutting down")


def test_silence_is_asked_about_and_then_ended_with_1008(tmp_path: Path) -> None:
    """The PING is an IRC line in a message of its own, and so is the ERROR before the close frame."""
    with (
        running_server(tmp_path, listen_websocket="127.0.0.1:0", deadlines_ping=0.2, deadlines_pong=0.2) as server,
        Web(server, "ann", subprotocols=(BINARY,)) as ann,
    ):
        ann.send = lambda *lines: None  # type: ignore[method-assign]
        assert ann.until("ERROR").startswith("ERROR :Closing link: (Ping timeout")
        assert re.fullmatch("PING :[0-9a-f]+", ann.seen[-2])
        code, why = ann.closed()
        assert (code, why.split(":")[0]) == (1008, "Ping timeout")


def test_who_does_not_register_is_told_so(tmp_path: Path) -> None:
    with running_server(tmp_path, listen_websocket="127.0.0.1:0", deadlines_registration=0.3) as server, Web(server) as ann:
        assert ann.line() == "ERROR :Closing link: (Registration timed out)"
        assert ann.closed() == (1008, "Registration timed out")


def test_who_is_one_too_many_is_told_so(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, listen_websocket="127.0.0.1:0", limits_connections=1) as server,
        Web(server, "ann"),
        Web(server) as bob,
    ):
        assert "The server is full" in bob.line()
        assert bob.closed()[0] == 1013


def test_a_fault_of_the_server_is_1011(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of ours ends one connection, with a code that says so."""
    with running_server(tmp_path, listen_websocket="127.0.0.1:0") as server:
        from server.transport import worker  # noqa: PLC0415

        def broken(*_: object) -> None:
            raise RuntimeError("a bug")

        with Web(server, "ann") as ann:
            monkeypatch.setattr(worker, "execute", broken)
            ann.send("PING a")
            assert ann.until("ERROR") == "ERROR :Closing link: (Internal error)"
            assert ann.closed() == (1011, "Internal error")
        monkeypatch.undo()
        assert len(server.errors) == 1
        server.errors.clear()


# -- a reader that does not read ---------------------------------------------------------------------------------------------


def test_a_slow_reader_gets_whole_messages_and_its_pong(server: Running, visit: Visit, connect: Callable[..., Client]) -> None:
    """What the socket did not take of a frame comes before anything else, and of the pongs the last is enough (RFC 6455 5.5.3)."""
    slow, bob = visit("slow"), connect("bob")
    slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # else the kernel takes megabytes before it has enough
    slow.ask("JOIN #a")
    bob.ask("JOIN #a")
    user = server.server.sequencer.net.find("slow")
    assert user is not None
    link = user.link
    link.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)  # type: ignore[attr-defined]
    total = 0

    def more() -> tuple[int, float]:
        """500 messages more; how many bytes of one write the socket leaves, and when it last took some."""
        nonlocal total
        bob.ask(*[f"PRIVMSG #a :{number} {'x' * 400}" for number in range(total, total + 500)])
        total += 500
        return len(getattr(link, "pending") or b""), getattr(link, "moved")  # noqa: B009 - the core's Link does not have them

    before, left = (0, 0.0), more()
    while not left[0] or left != before:  # until no more goes into the kernel, on either side
        before, left = left, more()
    for number in range(5):
        slow.send_frame(Opcode.PING, b"%d" % number)
    more()
    got = 0
    while got < total:
        message = slow.message()
        if message.command == "PRIVMSG":
            assert message.params[1].partition(" ")[0] == str(got)
            got += 1
    while slow.pong() != b"4":  # how many of them come hangs on what the kernel takes when
        pass
    assert not slow.frames
    assert slow.sync() == []


def test_what_waits_for_a_slow_reader_is_one_pong() -> None:
    """RFC 6455 5.5.3: "the endpoint MAY elect to send a Pong frame for only the most recently processed Ping frame." """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = Connection(ours, "192.0.2.1", 0, 0.0, is_plain=False, refused="")
        protocol = conn.websocket = conn.buffer = WebSocket(frozenset(), 600)
        protocol.open(request())
        watched: list[Connection] = []
        worker = SimpleNamespace(_watch=watched.append)

        def ping(number: int) -> None:
            assert conn.lines_of([masked(Opcode.PING, b"%d" % number)]) == []
            Worker._converse(worker, conn, protocol)  # type: ignore[arg-type]

        conn.pending = memoryview(b"the rest of a frame")
        for number in range(100):
            ping(number)
        assert conn.records == [b"\x8a\x0299"]
        # It is owed something, and its socket has room, or has not.
        written: list[bytes] = []
        conn.pending, conn.records, conn.hold = None, [], True
        conn.write = lambda data: written.append(bytes(data)) or len(data)  # type: ignore[func-returns-value]
        ping(5)
        assert (written, conn.pending, watched) == ([b"\x8a\x015"], None, [])

        def full(data: object) -> int:
            raise ssl.SSLWantWriteError

        conn.write = full
        ping(6)
        assert conn.pending == b"\x8a\x016"
        assert watched == [conn]


# -- the opening handshake ---------------------------------------------------------------------------------------------------


def test_a_page_of_the_same_host_may_connect_and_a_foreign_one_is_refused(visit: Visit, said: Callable[[], str]) -> None:
    """RFC 6455 10.2: "the server SHOULD verify the |Origin| field is an origin it expects", and answer 403 where it is not."""
    assert visit("ann", origin="https://localhost:8443").ask() == []
    refused = visit(origin="https://evil.example")
    assert refused.response is not None
    assert refused.response.status_code == 403
    assert refused.response.body == b"Pages of https://evil.example may not connect (setting websocket.origins).\n"
    assert refused.rest() == []
    assert "no WebSocket: 403, pages of https://evil.example" in said()


def test_the_setting_names_the_pages_that_may_connect(tmp_path: Path) -> None:
    allowed = "https://web.example, http://localhost:8080"
    with running_server(tmp_path, listen_websocket="127.0.0.1:0", websocket_origins=allowed) as server:
        for origin, code in (
            ("https://web.example", 101),
            ("http://localhost:8080", 101),
            ("https://localhost", 403),
            ("null", 403),
            (None, 101),
        ):
            with Web(server, origin=origin) as web:
                assert web.response is not None
                assert web.response.status_code == code, origin


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 426 Upgrade Required\r\n"),
        (b"NICK ann\r\nUSER a 0 * :a\r\n", b"HTTP/1.1 400 Bad Request\r\n"),
        (b"\x00\xff\n", b"HTTP/1.1 400 Bad Request\r\n"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200, b"HTTP/1.1 431 Request Header Fields Too Large\r\n"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 20000, b"HTTP/1.1 431 Request Header Fields Too Large\r\n"),
    ],
)
def test_what_is_no_websocket_gets_a_short_answer(server: Running, request_: bytes, status: bytes) -> None:
    with tls(server) as sock:
        sock.sendall(request_)
        answer = everything(sock)
    assert answer.startswith(status)
    assert len(answer) < 1000


def test_a_browser_offers_http_in_alpn_and_gets_in(server: Running) -> None:
    """The port's context is that of IRC, which answers no ALPN that it does not know: browsers take that for HTTP/1.1."""
    with tls(server, protocols=("http/1.1",)) as sock:
        assert sock.selected_alpn_protocol() is None
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert b" 426 " in everything(sock)


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_slow_opening_is_ended(tmp_path: Path, data: bytes) -> None:
    """The deadline for handshakes covers TLS and the opening request."""
    with running_server(tmp_path, listen_websocket="127.0.0.1:0", deadlines_handshake=0.3) as server, tls(server) as sock:
        sock.sendall(data)
        assert everything(sock) == b""


def test_whoever_leaves_while_it_opens_is_forgotten(server: Running) -> None:
    for data in (b"", b"GET / HTTP/1.1\r\n", b"garbage"):
        sock = tls(server)
        sock.sendall(data)
        sock.close()
    with Web(server, "ann") as ann:
        assert ann.sync() == []
    assert _settles(lambda: server.server._door._shaking == 0)


def test_a_plain_text_client_is_told_that_this_is_tls(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.web_port), timeout=PATIENCE_S) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert b"TLS only" in sock.recv(1000)


# -- the server --------------------------------------------------------------------------------------------------------------


def _settles(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold, in the time that the worker needs for a turn or some."""
    import time  # noqa: PLC0415

    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_closed_connection_is_freed_at_once(server: Running) -> None:
    gc.collect()
    gc.disable()
    try:
        with Web(server, "ann") as ann:
            user = server.server.sequencer.net.find("ann")
            assert user is not None
            link = user.link
            gone = weakref.ref(link.websocket._protocol)  # type: ignore[attr-defined]
            assert isinstance(link.websocket, WebSocket)  # type: ignore[attr-defined]
            del user, link
            ann.send("QUIT")
            ann.rest()
        assert _settles(lambda: gone() is None)
    finally:
        gc.enable()


def test_the_log_names_the_listener(said: Callable[[], str], tmp_path: Path) -> None:
    with running_server(tmp_path, listen_websocket="127.0.0.1:0") as server:
        assert f"listening for websocket on 127.0.0.1:{server.web_port}" in said()


def test_a_server_may_listen_for_nothing_else(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, listen_irc="off", listen_plain="off", listen_websocket="127.0.0.1:0") as server,
        Web(server, "ann") as ann,
    ):
        assert ann.sync() == []


def test_without_a_listener_the_library_is_not_loaded(tmp_path: Path) -> None:
    """It takes a seventh of the start, and asyncio would take as much again."""
    program = (
        "import sys; from server.transport.worker import _websockets; from server.settings.read import load;"
        "_websockets(load([])); assert 'websockets' not in sys.modules;"
        "_websockets(load(['--websocket-listen', '127.0.0.1:0'])); assert 'websockets.server' in sys.modules;"
        "print([m for m in sys.modules if m.startswith(('asyncio', 'websockets.asyncio', 'websockets.legacy'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout == "[]\n"
