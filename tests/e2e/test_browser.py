"""Debian's Chromium, headless: a page in a browser chats over WebSocket, and pages that may not are kept out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.browser import CHROMIUM, Browser, Page, key_hash
from tests.e2e.irc import Client
from tests.e2e.process import ServerProcess, serving

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM} (apt install chromium)")


@pytest.fixture
def page() -> Iterator[Page]:
    with Page() as page:
        yield page


@pytest.fixture
def server(certs: Path, data: Path, page: Page) -> Iterator[ServerProcess]:
    """It lets pages of `page`'s origin in, and no others."""
    with serving(
        certs, data, "--websocket-listen", "127.0.0.1:0", "--set", f"websocket.origins={page.origin}", covered=False
    ) as running:
        page.url = f"wss://localhost:{running.bound('websocket')}/"
        yield running


@pytest.fixture
def trusted(certs: Path) -> str:
    return key_hash(certs / "server" / "cert.pem")


def chat(server: ServerProcess, page: Page) -> None:
    """The page and an IRC client hear each other, and the page leaves when it is asked to."""
    page.shows(r'<li class="state">open as (text|binary)\.ircv3\.net</li>')  # and no extensions behind it
    with Client(server.port, server.ca, "ian", "#lobby") as ian:
        ian.say("#lobby", "hello to a page ☃ & <b>")
        page.shows('<li class="message">ian in #lobby: hello to a page ☃ &amp; &lt;b&gt;</li>')
        ian.say("#lobby", "leave")
        assert "as asked" in ian.until("QUIT").text
    page.shows('<li class="state">closed with 1000, clean</li>')


@pytest.mark.parametrize("protocol", ["text.ircv3.net", "binary.ircv3.net"])
def test_a_page_joins_talks_and_is_heard(certs: Path, data: Path, trusted: str, tmp_path: Path, protocol: str) -> None:
    with (
        Page(protocol=protocol) as page,
        serving(
            certs, data, "--websocket-listen", "127.0.0.1:0", "--set", f"websocket.origins={page.origin}", covered=False
        ) as server,
        Client(server.port, server.ca, "ida", "#lobby") as ida,
    ):
        page.url = f"wss://localhost:{server.bound('websocket')}/"
        with Browser(page.origin, tmp_path / "browser", trusted):
            heard = ida.until("PRIVMSG")
            assert (heard.nick, heard.text) == ("webby", "hello from a page ☃")
            chat(server, page)


def test_a_page_of_another_origin_is_refused(server: ServerProcess, page: Page, trusted: str, tmp_path: Path) -> None:
    with Page() as foreign, ExitStack() as stack:
        foreign.url = page.url
        stack.enter_context(Browser(foreign.origin, tmp_path / "browser", trusted))
        foreign.shows('<li class="state">closed with 1006, not clean</li>')
        assert "open" not in foreign.shown
        server.says(f"no WebSocket: 403, pages of {foreign.origin} may not connect")
        assert "webby" not in server.log()


def test_a_browser_that_does_not_trust_the_certificate_stays_out(server: ServerProcess, page: Page, tmp_path: Path) -> None:
    """The proof that the other tests' trust is bound to the server's key."""
    with Browser(page.origin, tmp_path / "browser", "A" * 43 + "="):
        page.shows('<li class="state">closed with 1006, not clean</li>')
        assert "open" not in page.shown
        assert "webby" not in server.log()
