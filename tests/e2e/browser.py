"""A browser with a page that chats: headless Chromium, and the page's own web server, which the page tells what it shows.

Nothing drives the browser. The page's script does the talking, puts what comes into the document, and posts the document after
every change; a test waits for what it is to contain.
"""

from __future__ import annotations

import base64
import hashlib
import os
import queue
import re
import signal
import subprocess
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.e2e.process import PATIENCE

CHROMIUM = Path("/usr/bin/chromium")

_PAGE = """<!doctype html>
<meta charset="utf-8">
<title>chat</title>
<ul id="log"></ul>
<script>
const show = (kind, text) => {
    const entry = document.createElement("li");
    entry.className = kind;
    entry.textContent = text;
    document.getElementById("log").append(entry);
    fetch("/report", {method: "POST", body: document.getElementById("log").outerHTML});
};
const words = line => line.split(" ");
const socket = new WebSocket("@URL@", ["@PROTOCOL@"]);
const encoded = text => socket.protocol.startsWith("binary") ? new TextEncoder().encode(text) : text;
const say = line => socket.send(encoded(line));
socket.binaryType = "arraybuffer";
socket.onopen = () => {
    show("state", "open as " + socket.protocol + socket.extensions);
    say("NICK @NICK@");
    say("USER web 0 * :A page");
};
socket.onmessage = event => {
    const line = typeof event.data === "string" ? event.data : new TextDecoder("utf-8", {fatal: true}).decode(event.data);
    const [source, command, target] = words(line);
    const text = line.slice(line.indexOf(" :") + 2);
    if (source === "PING") say("PONG" + line.slice(4));
    if (command === "376" || command === "422") say("JOIN #lobby");
    if (command === "366") say("PRIVMSG #lobby :hello from a page \\u2603");
    if (command === "PRIVMSG") show("message", source.slice(1).split("!")[0] + " in " + target + ": " + text);
    if (text === "leave") say("QUIT :as asked");
};
socket.onclose = event => show("state", "closed with " + event.code + (event.wasClean ? ", clean" : ", not clean"));
</script>
"""


class Page:
    """The web server of one page, at an origin of its own (`http://localhost:PORT`)."""

    def __init__(self, *, protocol: str = "text.ircv3.net", nick: str = "webby") -> None:
        self._page = _PAGE.replace("@PROTOCOL@", protocol).replace("@NICK@", nick)
        self._reports: queue.Queue[str] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        cast("Any", self._server).page = self
        self.origin = f"http://localhost:{self._server.server_port}"
        self.url = ""  # of the WebSocket
        self.shown = ""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def content(self) -> bytes:
        return self._page.replace("@URL@", self.url).encode()

    def report(self, document: str) -> None:
        self._reports.put(document)

    def shows(self, pattern: str) -> str:
        """Wait until the document's list of what happened has this (a regular expression); gives the list's HTML."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.shown):
            try:
                document = self._reports.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the page does not show {pattern!r}; it shows {self.shown!r}") from None
            self.shown = max(self.shown, document, key=len)  # it only grows, and reports may overtake each other
        return self.shown

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/":
            self.send_error(404)
            return
        content = cast("Any", self.server).page.content()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        document = self.rfile.read(int(self.headers["Content-Length"])).decode()
        cast("Any", self.server).page.report(document)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nothing: the tests' output is theirs."""


def key_hash(certificate: Path) -> str:
    """Base64 of the SHA-256 of a certificate's public key, as Chromium wants it."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return base64.b64encode(hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()).decode()


class Browser:
    """Chromium at a page. It trusts no certificate of ours but the one whose key is `trusted` (see `key_hash`)."""

    def __init__(self, url: str, folder: Path, trusted: str) -> None:
        folder.mkdir()
        self._log = folder / "log"
        command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        command += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
        command += ["--no-proxy-server"]
        command += [f"--user-data-dir={folder / 'profile'}", f"--ignore-certificate-errors-spki-list={trusted}"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, url],
                env={**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # the group is its own: it and its helpers
        self._process.wait(PATIENCE)
