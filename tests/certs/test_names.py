"""Host names and limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from certs import CertsError, names
from tests.certs.kit import address, network, one_sentence


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("localhost", x509.DNSName("localhost")),
        (" Chat.Example. ", x509.DNSName("chat.example")),
        ("*.chat.example", x509.DNSName("*.chat.example")),
        ("xn--bcher-kva.example", x509.DNSName("xn--bcher-kva.example")),
        ("192.0.2.7", address("192.0.2.7")),
        ("2001:DB8::1", address("2001:db8::1")),
        ("[::1]", address("::1")),
    ],
)
def test_host(text: str, name: names.Name) -> None:
    assert names.parse_host(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        "-a",
        "a-",
        "a b",
        "bücher.example",
        "under_score",
        "1.2.3.999",
        "a.1",
        "x" * 64,
        "a." * 127 + "aa",
        "http://x",
        "a:6697",
        "*",
        "*.com",
        "a.*.b",
        "0.0.0.0",
        "::",
        "fe80::1%eth0",
        "\udcff",
        "a\nb",
    ],
)
def test_no_host(text: str) -> None:
    with pytest.raises(CertsError) as caught:
        names.parse_host(text)
    one_sentence(caught.value)


def test_hosts_come_once_in_order() -> None:
    assert names.spoken(names.parse_hosts(["b.example", "A.example", "B.example."])) == "b.example, a.example"


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("10.0.0.0/8", network("10.0.0.0/8")),
        ("10.1.2.3/8", network("10.0.0.0/8")),
        ("192.0.2.7", network("192.0.2.7/32")),
        ("fd00::/8", network("fd00::/8")),
        (".example.org", x509.DNSName("example.org")),
        ("*.Example.org.", x509.DNSName("example.org")),
    ],
)
def test_permit(text: str, limit: names.Name) -> None:
    assert names.parse_permit(text) == limit


@pytest.mark.parametrize("text", ["10.0.0.0/99", "", "a b", "*", "example.org/8"])
def test_no_permit(text: str) -> None:
    with pytest.raises(CertsError) as caught:
        names.parse_permit(text)
    one_sentence(caught.value)


def limits(hosts: list[str], permits: list[str] | None = None) -> x509.NameConstraints:
    return names.constraints(names.parse_hosts(hosts), [names.parse_permit(text) for text in permits or []])


def test_single_hosts_are_single_limits() -> None:
    made = limits(["*.chat.example", "192.0.2.7", "2001:db8::7"], ["lan"])
    assert names.permitted(made) == "chat.example, 192.0.2.7/32, 2001:db8::7/128, lan"
    assert made.excluded_subtrees is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "chat.localhost"])
def test_one_loopback_name_permits_all_of_loopback(host: str) -> None:
    assert names.permitted(limits([host])) == "localhost, 127.0.0.0/8, ::1/128"


def test_a_kind_without_limits_is_shut() -> None:
    assert limits(["chat.example"]).excluded_subtrees == [network("0.0.0.0/0"), network("::/0")]
    assert limits(["192.0.2.7"]).excluded_subtrees == [x509.DNSName("")]


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("chat.example", True),
        ("a.b.chat.example", True),
        ("*.chat.example", True),
        ("example", False),
        ("evilchat.example", False),
        ("10.9.9.9", True),
        ("11.0.0.1", False),
        ("::1", False),
    ],
)
def test_breaches(host: str, inside: bool) -> None:
    name = names.parse_host(host)
    assert names.breaches(limits(["chat.example"], ["10.0.0.0/8"]), [name]) == ([] if inside else [name])


def test_no_limits_permit_everything() -> None:
    assert names.breaches(None, [names.parse_host("chat.example")]) == []
    assert names.permitted(None) == "everything"


def test_limits_of_a_leaf_are_none(folder: Path) -> None:
    assert names.limits_of(x509.load_pem_x509_certificate((folder / "server" / "cert.pem").read_bytes())) is None


def test_file_names_differ() -> None:
    hosts = ["a.example", "*.a.example", "a-b.example", "2001:db8::1", "versions"]
    assert [names.file_name(names.parse_host(host)) for host in hosts] == [
        "a.example",
        "_.a.example",
        "a-b.example",
        "2001_db8__1",
        "versions",
    ]


@pytest.mark.parametrize("account", ["alice", "Zoë", "[x]^_`{|}", "a" * 64])
def test_account(account: str) -> None:
    assert names.check_account(account) == account


@pytest.mark.parametrize("account", ["", "a b", "a.b", "../x", "-x", "a\nb", "a" * 65, "é" * 33, "\udcff"])
def test_no_account(account: str) -> None:
    with pytest.raises(CertsError) as caught:
        names.check_account(account)
    one_sentence(caught.value)
