"""SASL as IRC carries it, the server's side: chunks, PLAIN, and the steps of SCRAM-SHA-256. A calculator: nonces and keys come in.

Sources: https://ircv3.net/specs/extensions/sasl-3.2, RFC 4616 (PLAIN), RFC 5802 and RFC 7677 (SCRAM-SHA-256), RFC 4013 (SASLprep).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import stringprep
import unicodedata
from typing import NamedTuple

CHUNK = 400  # "the response is encoded in Base64, then split to 400-byte chunks"
MOST = 4 * CHUNK  # of one message, in base64: room for a password of a thousand bytes


class SaslError(Exception):
    """The peer's message is not what the mechanism asks for, or proves nothing. The text says why, for the log and for tests."""


class TooLong(SaslError):
    """A chunk of more than 400 bytes."""


class Chunks:
    """Puts the parameters of AUTHENTICATE together to messages."""

    __slots__ = ("_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0

    def feed(self, chunk: str) -> bytes | None:
        """A whole message, None while more is to come. Raises SaslError; what had come is forgotten then.

        "If the last chunk was exactly 400 bytes long, it must also be followed by AUTHENTICATE + to signal end of response."
        """
        if len(chunk) > CHUNK:
            self._take()
            raise TooLong("a chunk holds at most 400 bytes")
        if chunk != "+":
            self._parts.append(chunk)
            self._size += len(chunk)
        if self._size > MOST:
            self._take()
            raise SaslError(f"a message holds at most {MOST} bytes of base64")
        if len(chunk) == CHUNK:
            return None
        try:
            return base64.b64decode(self._take(), validate=True)
        except (binascii.Error, ValueError):  # ValueError: not ASCII
            raise SaslError("this is not base64") from None

    def _take(self) -> str:
        whole = "".join(self._parts)
        self._parts.clear()
        self._size = 0
        return whole


def chunks(message: bytes) -> list[str]:
    """The parameters of AUTHENTICATE that carry `message`."""
    text = base64.b64encode(message).decode()
    parts = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
    return [*parts, "+"] if not parts or len(parts[-1]) == CHUNK else parts


def prepared(text: str) -> str:
    """`text` as SASLprep (RFC 4013) makes it the same however it was typed; unchanged where SASLprep does not allow it at all."""
    if text.isascii():
        return text
    mapped = "".join(" " if stringprep.in_table_c12(c) else "" if stringprep.in_table_b1(c) else c for c in text)
    result = unicodedata.normalize("NFKC", mapped)
    return text if not result or any(map(_prohibited, result)) else result


_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def _prohibited(char: str) -> bool:
    return any(table(char) for table in _PROHIBITED)


class Plain(NamedTuple):
    """What a PLAIN message says. `authzid` is "" where none was given."""

    authzid: str
    name: str
    password: str


def parse_plain(message: bytes) -> Plain:
    """`[authzid] NUL authcid NUL passwd` (RFC 4616). Raises SaslError."""
    parts = message.split(b"\0")
    if len(parts) != 3:
        raise SaslError("PLAIN takes three fields")
    try:
        authzid, name, password = (part.decode() for part in parts)
    except UnicodeDecodeError:
        raise SaslError("PLAIN is UTF-8") from None
    if not name or not password:  # "If preparation fails or results in an empty string, verification SHALL fail."
        raise SaslError("PLAIN takes a name and a password")
    return Plain(authzid, name, password)


class Keys(NamedTuple):
    """What a server knows of a password: enough to check a SCRAM proof, not to make one (RFC 5802 section 3)."""

    salt: bytes
    iterations: int
    stored: bytes
    server: bytes


def derive(password: str, salt: bytes, iterations: int) -> Keys:
    """The keys of a password. Takes as long as `iterations` say."""
    salted = hashlib.pbkdf2_hmac("sha256", prepared(password).encode(), salt, iterations)
    stored = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    return Keys(salt, iterations, stored, _hmac(salted, b"Server Key"))


def keys_of_nobody(secret: bytes, name: str, iterations: int) -> Keys:
    """Keys that no password has, the same each time: a name that does not exist looks like one that does."""
    seed = hmac.new(secret, name.encode(), hashlib.sha512).digest()
    return Keys(seed[:16], iterations, _hmac(secret, seed), seed[16:48])


class ScramServer:
    """One SCRAM-SHA-256 exchange: `first`, then `challenge`, then `final`. No channel binding (there is none in TLS 1.3 here)."""

    __slots__ = ("_bare", "_gs2", "_keys", "_nonce", "_sent", "authzid", "name")

    def __init__(self, message: bytes) -> None:
        """Read the client's first message: `n,[a=authzid],n=name,r=nonce`. Raises SaslError."""
        flag, authzid, rest = _split_gs2(message)
        fields = rest.split(",")
        if len(fields) < 2 or not fields[0].startswith("n=") or not fields[1].startswith("r="):
            raise SaslError("the first message names a user and a nonce")
        self.authzid = _unescaped(authzid)
        self.name = _unescaped(fields[0][2:])
        self._nonce = fields[1][2:]
        self._gs2 = f"{flag},{'a=' + authzid if authzid else ''},".encode()
        self._bare = rest
        self._sent = ""
        self._keys = Keys(b"", 0, b"", b"")
        if not self.name or not _printable(self._nonce):
            raise SaslError("neither name nor nonce may be empty")

    def challenge(self, nonce: str, keys: Keys) -> bytes:
        """The server's first message; `nonce` is our part of it, new for each exchange."""
        self._keys = keys
        self._nonce += nonce
        self._sent = f"r={self._nonce},s={base64.b64encode(keys.salt).decode()},i={keys.iterations}"
        return self._sent.encode()

    def final(self, message: bytes) -> bytes:
        """The server's last message, given the client's; raises SaslError where that proves nothing."""
        text = _text(message)
        without_proof, _, proof = text.rpartition(",p=")
        fields = without_proof.split(",")
        if len(fields) < 2 or fields[1] != f"r={self._nonce}":
            raise SaslError("the last message repeats the nonce")
        if not fields[0].startswith("c=") or _decoded(fields[0][2:]) != self._gs2:
            raise SaslError("the last message repeats the header")
        signed = f"{self._bare},{self._sent},{without_proof}".encode()
        keys = self._keys
        given = _decoded(proof)
        if len(given) != hashlib.sha256().digest_size:
            raise SaslError("the proof is as long as a hash")
        client = bytes(a ^ b for a, b in zip(given, _hmac(keys.stored, signed), strict=True))
        if not hmac.compare_digest(hashlib.sha256(client).digest(), keys.stored):
            raise SaslError("the proof does not hold")
        return b"v=" + base64.b64encode(_hmac(keys.server, signed))


def _split_gs2(message: bytes) -> tuple[str, str, str]:
    """The parts of `n,a=authzid,rest`: flag, authzid (still escaped), rest."""
    flag, comma, more = _text(message).partition(",")
    authzid, second, rest = more.partition(",")
    if not comma or not second or flag not in ("n", "y"):
        raise SaslError("the header asks for no channel binding: n or y")
    if authzid and not authzid.startswith("a="):
        raise SaslError("the header holds an authorization identity or nothing")
    return flag, authzid[2:], rest


def _text(message: bytes) -> str:
    try:
        return message.decode()
    except UnicodeDecodeError:
        raise SaslError("SCRAM is UTF-8") from None


def _unescaped(name: str) -> str:
    """ "The characters ',' or '=' in usernames are sent as '=2C' and '=3D' respectively." (RFC 5802 5.1)"""
    pieces = name.split("=")
    if any(piece[:2] not in ("2C", "3D") for piece in pieces[1:]):
        raise SaslError("an equals sign in a name is =3D")
    return pieces[0] + "".join({"2C": ",", "3D": "="}[piece[:2]] + piece[2:] for piece in pieces[1:])


def _printable(nonce: str) -> bool:
    return nonce != "" and all("!" <= c <= "~" for c in nonce)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SaslError("this is not base64") from None


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()
