"""SASL without a session: chunks in bounded memory, PLAIN, and SCRAM which nobody passes without the password.

Input: lines. The first is a chunk of AUTHENTICATE and so is each that begins with `>`; the first two others are a client's messages
in a SCRAM exchange, in which `{NONCE}` stands for the nonce of both and `{PROOF}` for what proves the password.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from wire.sasl import CHUNK, MOST, Chunks, SaslError, ScramServer, chunks, derive, parse_plain, prepared

PASSWORD = "pencil"
SALT = b"0123456789abcdef"
KEYS = derive(PASSWORD, SALT, 4096)
_SALTED = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), SALT, 4096)
_OURS = "server-nonce"


def target(data: bytes) -> None:
    lines = data.split(b"\n")
    _chunks([line.removeprefix(b">").decode("latin-1") for line in lines[:40] if line[:1] == b">" or line is lines[0]])
    others = [line for line in lines[1:] if line[:1] != b">"]
    _plain(lines[0])
    if others:
        _scram(others[0], others[1] if len(others) > 1 else b"")


def _chunks(parts: list[str]) -> None:
    """What is put together is what base64 says of it, and there is never more than MOST of it."""
    whole = Chunks()
    kept = ""
    for part in parts:
        try:
            message = whole.feed(part)
        except SaslError:
            assert whole._size == 0, "what was refused is still there"
            assert not whole._parts
            kept = ""
            continue
        kept += "" if part == "+" else part
        assert len(kept) <= MOST
        if message is None:
            assert len(part) == CHUNK
            assert whole._size == sum(map(len, whole._parts)) == len(kept)
            continue
        assert base64.b64encode(message).decode().rstrip("=") == kept.rstrip("=") or not _strict(kept)
        again = Chunks()
        assert [again.feed(chunk) for chunk in chunks(message)][-1] == message
        kept = ""


def _strict(text: str) -> bool:
    """Whether the last bits are what base64 has them be (RFC 4648 3.5 lets a decoder pass over them)."""
    try:
        return base64.b64encode(base64.b64decode(text)).decode() == text
    except ValueError:
        return False


def _plain(message: bytes) -> None:
    try:
        said = parse_plain(message)
    except SaslError:
        return
    assert "\0".join(said).encode() == message
    assert said.name
    assert said.password
    assert prepared(prepared(said.password)) == prepared(said.password)


def _scram(first: bytes, last: bytes) -> None:
    try:
        server = ScramServer(first)
    except SaslError:
        return
    assert server.name
    challenge = server.challenge(_OURS, KEYS).decode()
    nonce, salt, count = (field[2:] for field in challenge.split(","))
    assert nonce.endswith(_OURS)
    assert (base64.b64decode(salt), int(count)) == (SALT, 4096)
    bare = first.decode().split(",", 2)[2]
    message = last.replace(b"{NONCE}", nonce.encode())
    without, _, proof = message.rpartition(b",p=")
    right = _proof(bare, challenge, without)
    message = message.replace(b"{PROOF}", base64.b64encode(right))
    try:
        answer = server.final(message)
    except SaslError:
        assert not (proof == b"{PROOF}" and _is_whole(without, first, nonce)), "the right proof was refused"
        return
    assert base64.b64decode(message.rpartition(b",p=")[2]) == right, "somebody got in without the password"
    assert answer == b"v=" + base64.b64encode(_mac(KEYS.server, f"{bare},{challenge},{without.decode()}".encode()))


def _is_whole(without: bytes, first: bytes, nonce: str) -> bool:
    """Whether the last message says all that it must, as we would say it."""
    header = b",".join(first.split(b",", 2)[:2]) + b","
    return without == b"c=" + base64.b64encode(header) + b",r=" + nonce.encode()


def _proof(bare: str, challenge: str, without: bytes) -> bytes:
    """RFC 5802 section 3, the client's side."""
    key = _mac(_SALTED, b"Client Key")
    signature = _mac(hashlib.sha256(key).digest(), bare.encode() + b"," + challenge.encode() + b"," + without)
    return bytes(a ^ b for a, b in zip(key, signature, strict=True))


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()
