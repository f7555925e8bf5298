"""SASL without a network: chunks, PLAIN (RFC 4616), SASLprep (RFC 4013), SCRAM-SHA-256 (RFC 7677), by the RFCs' own examples."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.sasl import (
    CHUNK,
    MOST,
    Chunks,
    Keys,
    Plain,
    SaslError,
    ScramServer,
    TooLong,
    chunks,
    derive,
    keys_of_nobody,
    parse_plain,
    prepared,
)

# RFC 7677 section 3: user "user", password "pencil"
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
OUR_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SERVER_FIRST = f"r=rOprNGfwEbeRWgbNEkqO{OUR_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".encode()
CLIENT_FINAL = f"c=biws,r=rOprNGfwEbeRWgbNEkqO{OUR_NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".encode()
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def fed(parts: list[str]) -> list[bytes]:
    """The messages that come of `parts`."""
    buffer = Chunks()
    return [message for part in parts if (message := buffer.feed(part)) is not None]


@given(st.binary(max_size=MOST // 4 * 3))
def test_chunks_and_back(message: bytes) -> None:
    """ "The response is encoded in Base64, then split to 400-byte chunks" """
    parts = chunks(message)
    assert all(1 <= len(part) <= CHUNK for part in parts)
    assert fed(parts) == [message]


@pytest.mark.parametrize("size", [300, 600])
def test_a_full_last_chunk_is_followed_by_a_plus(size: int) -> None:
    """ "If the last chunk was exactly 400 bytes long, it must also be followed by AUTHENTICATE + to signal end of response." """
    parts = chunks(b"x" * size)
    assert parts[-1] == "+"
    assert fed(parts[:-1]) == []
    assert fed(parts) == [b"x" * size]


def test_an_empty_message_is_a_plus() -> None:
    assert chunks(b"") == ["+"]
    assert fed(["+"]) == [b""]


def test_a_chunk_is_never_longer_than_400() -> None:
    with pytest.raises(TooLong):
        Chunks().feed("A" * 401)


def test_all_chunks_together_have_a_limit_and_what_had_come_is_forgotten() -> None:
    buffer = Chunks()
    for _ in range(MOST // CHUNK):
        assert buffer.feed("A" * CHUNK) is None
    with pytest.raises(SaslError, match="at most"):
        buffer.feed("A" * CHUNK)
    assert buffer.feed("YWJj") == b"abc"


@pytest.mark.parametrize("text", ["!!!", "YWJ", "YW=j", "é", "YWJj YWJj"])
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(SaslError, match="base64"):
        Chunks().feed(text)


@given(st.text(max_size=CHUNK))
def test_any_text_gives_bytes_or_an_error_of_the_peer(text: str) -> None:
    buffer = Chunks()
    try:
        message = buffer.feed(text)
    except SaslError:
        message = b""
    assert message is None or isinstance(message, bytes)


# PLAIN


def test_plain_with_and_without_an_authorization_identity() -> None:
    """RFC 4616 section 4: "<NUL>tim<NUL>tanstaaftanstaaf" and "Ursel<NUL>Kurt<NUL>xipj3plmq" """
    assert parse_plain(b"\0tim\0tanstaaftanstaaf") == Plain("", "tim", "tanstaaftanstaaf")
    assert parse_plain(b"Ursel\0Kurt\0xipj3plmq") == Plain("Ursel", "Kurt", "xipj3plmq")


@pytest.mark.parametrize("message", [b"", b"a\0b", b"\0a\0b\0c", b"\0\0pw", b"\0name\0", b"\0\xff\0pw", b"\0name\0\xff"])
def test_plain_that_is_none(message: bytes) -> None:
    """ "If preparation fails or results in an empty string, verification SHALL fail." (RFC 4616 section 2)"""
    with pytest.raises(SaslError):
        parse_plain(message)


@given(st.binary(max_size=200))
def test_plain_takes_any_bytes(message: bytes) -> None:
    try:
        said = parse_plain(message)
    except SaslError:
        return
    assert "\0".join(said).encode() == message


# SASLprep


@pytest.mark.parametrize(
    ("given_text", "result"),
    [
        ("I\u00adX", "IX"),  # "SOFT HYPHEN mapped to nothing"
        ("user", "user"),  # "no transformation"
        ("USER", "USER"),  # "case preserved, will not match #2"
        ("\u00aa", "a"),  # "output is NFKC, input in ISO 8859-1"
        ("\u2168", "IX"),  # "output is NFKC, will match #1"
        ("pass\u00a0word", "pass word"),  # spaces that are not ASCII
    ],
)
def test_saslprep_examples(given_text: str, result: str) -> None:
    """RFC 4013 section 3."""
    assert prepared(given_text) == result


@pytest.mark.parametrize("text", ["\u00ad", "a\u0007\u00e9", "\ue000", "\u200e\u00e9"])
def test_what_saslprep_does_not_allow_stays_as_it_is(text: str) -> None:
    assert prepared(text) == text


@given(st.text(max_size=50))
def test_saslprep_twice_is_saslprep_once(text: str) -> None:
    once = prepared(text)
    assert prepared(once) == once


# SCRAM


def exchange(keys: Keys) -> ScramServer:
    server = ScramServer(CLIENT_FIRST)
    assert server.challenge(OUR_NONCE, keys) == SERVER_FIRST
    return server


def test_the_example_of_rfc_7677() -> None:
    server = exchange(derive("pencil", SALT, 4096))
    assert server.name == "user"
    assert server.final(CLIENT_FINAL) == SERVER_FINAL


@pytest.mark.parametrize(
    "keys",
    [derive("pen", SALT, 4096), keys_of_nobody(b"secret", "user", 4096)._replace(salt=SALT)],
    ids=["other password", "nobody"],
)
def test_a_proof_of_another_password_does_not_hold(keys: Keys) -> None:
    with pytest.raises(SaslError, match="proof"):
        exchange(keys).final(CLIENT_FINAL)


@pytest.mark.parametrize(
    ("final", "why"),
    [
        (CLIENT_FINAL.replace(b"c=biws", b"c=eSws"), "header"),  # y,, where n,, was said
        (CLIENT_FINAL.replace(b"c=biws", b"c=!"), "base64"),
        (CLIENT_FINAL.replace(b"r=rOpr", b"r=xOpr"), "nonce"),
        (b"c=biws", "nonce"),
        (CLIENT_FINAL[:-1], "base64"),
        (CLIENT_FINAL[:-4], "proof"),
        (CLIENT_FINAL.replace(b"dHzb", b"AAAA"), "proof"),
        (CLIENT_FINAL.partition(b",p=")[0] + b",p=", "proof"),
        (b"\xff", "UTF-8"),
        (b"", "nonce"),
    ],
)
def test_last_messages_that_prove_nothing(final: bytes, why: str) -> None:
    with pytest.raises(SaslError, match=why):
        exchange(derive("pencil", SALT, 4096)).final(final)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n,",
        b"n,,",
        b"n,,n=user",
        b"n,,r=abc,n=user",
        b"n,,n=,r=abc",
        b"n,,n=user,r=",
        b"n,,n=user,r=a b",
        b"n,,m=ext,n=user,r=abc",  # a mandatory extension that nobody knows
        b"p=tls-unique,,n=user,r=abc",  # no channel binding is offered
        b"n,b=user,n=user,r=abc",
        b"n,,n=us=er,r=abc",
        b"\xff",
    ],
)
def test_first_messages_that_are_none(first: bytes) -> None:
    with pytest.raises(SaslError):
        ScramServer(first)


def test_names_are_unescaped_and_the_authorization_identity_is_part_of_the_header() -> None:
    """ "The characters ',' or '=' in usernames are sent as '=2C' and '=3D' respectively." (RFC 5802 5.1)"""
    server = ScramServer(b"y,a=a=2Cb,n=x=3Dy=2C,r=abc")
    assert (server.name, server.authzid) == ("x=y,", "a,b")


@given(st.binary(max_size=120), st.binary(max_size=120))
def test_scram_takes_any_bytes(first: bytes, last: bytes) -> None:
    keys = derive("pencil", SALT, 1)
    for message in (first, CLIENT_FIRST):
        try:
            server = ScramServer(message)
        except SaslError:
            continue
        server.challenge("nonce", keys)
        with pytest.raises(SaslError):
            server.final(last)


@given(
    st.text(min_size=1, max_size=20),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1),
)
def test_whoever_knows_the_password_gets_in_and_knows_the_server_by_it(password: str, nonce: str) -> None:
    server = ScramServer(f"n,,n=u,r={nonce}".encode())
    challenge = server.challenge("ours", derive(password, b"salt", 2)).decode()
    salted = hashlib.pbkdf2_hmac("sha256", prepared(password).encode(), b"salt", 2)

    def mac(key: bytes, text: str | bytes) -> bytes:
        return hmac.new(key, text.encode() if isinstance(text, str) else text, hashlib.sha256).digest()

    bare = f"c=biws,r={nonce}ours"
    signed = f"n=u,r={nonce},{challenge},{bare}"
    key = mac(salted, "Client Key")
    proof = bytes(a ^ b for a, b in zip(key, mac(hashlib.sha256(key).digest(), signed), strict=True))
    answer = server.final(f"{bare},p={base64.b64encode(proof).decode()}".encode())
    assert answer == b"v=" + base64.b64encode(mac(mac(salted, "Server Key"), signed))


def test_nobodys_keys_are_the_same_each_time_and_differ_by_name_and_server() -> None:
    one = keys_of_nobody(b"secret", "alice", 5000)
    assert one == keys_of_nobody(b"secret", "alice", 5000)
    assert len(one.salt) == 16
    assert one.iterations == 5000
    assert len({one, keys_of_nobody(b"secret", "bob", 5000), keys_of_nobody(b"other", "alice", 5000)}) == 3
