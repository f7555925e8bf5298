"""Meeting a server for the first time, and again: trust on first use, and invitations. Real TLS servers throughout."""

from __future__ import annotations

import io
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from client import known, pins
from client.address import Address
from client.asking import ask_trust
from client.chain import Certificate, described, look, shake
from client.chat import Chat
from client.connection import Connection
from client.errors import Trouble
from client.firstuse import Finding, Stranger, Trust, assess, explain, prepare
from client.irc import IrcProtocol
from client.pins import Pin
from client.plain import PlainProtocol
from client.trust import client_context
from client.tui.cells import cell_len
from tests.client.certificates import Authority
from tests.client.conftest import FAST, Rows
from tests.client.fake_server import PATIENCE, FakeServer, RawServer
from wire.fingerprints import grouped


@pytest.fixture(autouse=True)
def _nobody_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_CA", raising=False)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def at(server: FakeServer) -> Address:
    return Address("localhost", server.port)


def stranger(server: FakeServer) -> Stranger:
    found = prepare(at(server))
    assert isinstance(found, Stranger)
    return found


def trusted(address: Address, demanded: str = "") -> Trust:
    found = prepare(address, demanded=demanded)
    assert isinstance(found, Trust)
    return found


def refusal(address: Address, demanded: str = "") -> str:
    with pytest.raises(Trouble) as caught:
        prepare(address, demanded=demanded)
    assert caught.value.lasting
    return str(caught.value)


def meets(trust: Trust, address: Address) -> Trouble | None:
    """Why the real connection, with this trust, is refused; None where it is not."""
    chat = Chat(PlainProtocol("alice"), "#lobby", Rows())
    dialect = IrcProtocol("alice", [])
    connection = Connection(address, trust.context, dialect, chat, trusted=trust.described, timing=FAST)
    connection.start()
    assert connection.ready.wait(PATIENCE)
    connection.stop()
    assert connection.join(PATIENCE)
    return None if connection.trouble is None else explain(connection.trouble, address, trust)


# --- the first time ---


def test_an_unknown_authority_is_shown_then_trusted_then_known(whole: FakeServer, authority: Authority) -> None:
    found = stranger(whole)
    shown = dict(found.rows())
    assert shown["server"] == f"localhost:{whole.port}"
    assert shown["authority"] == "CN=ca"
    assert [shown["SHA-256"], shown[""]] == grouped(authority.fingerprint)
    assert not pins.file().exists(), "nothing is stored before somebody says yes"
    assert not whole.seen, "nothing is said to a server that is not trusted yet"

    assert meets(found.accept(), at(whole)) is None
    assert meets(trusted(at(whole)), at(whole)) is None
    assert pins.file().stat().st_mode & 0o777 == 0o600


def test_a_new_certificate_of_the_same_authority_changes_nothing(whole: FakeServer, authority: Authority) -> None:
    stranger(whole).accept()
    with FakeServer(authority.context("localhost", sends=authority.chain)) as renewed:
        pins.keep(at(renewed), pins.find(at(whole)).certificate)  # type: ignore[union-attr]
        assert meets(trusted(at(renewed)), at(renewed)) is None
    with FakeServer(authority.context("localhost")) as without:  # nor does it matter that it sends no more than that
        pins.keep(at(without), pins.find(at(whole)).certificate)  # type: ignore[union-attr]
        assert meets(trusted(at(without)), at(without)) is None


def test_another_authority_is_refused_loudly(whole: FakeServer, authority: Authority, other: Authority) -> None:
    pins.keep(at(whole), ssl.PEM_cert_to_DER_cert(other.ca.read_text()))
    trouble = meets(trusted(at(whole)), at(whole))
    assert not whole.seen
    text = str(trouble)
    assert text.startswith(f"THE CERTIFICATE OF localhost:{whole.port} IS NOT FROM WHOM YOU TRUSTED FOR IT")
    assert all(line in text for line in grouped(other.fingerprint) + grouped(authority.fingerprint))
    assert text.endswith(f"\n    python -m client --forget localhost:{whole.port}")


def test_a_pin_still_asks_for_the_name_and_the_dates(authority: Authority) -> None:
    certificate = ssl.PEM_cert_to_DER_cert(authority.ca.read_text())
    for context, words in (
        (authority.context("chat.example", sends=authority.chain), "is not for localhost"),
        (authority.context("localhost", start=-10, days=5, sends=authority.chain), "has expired"),
    ):
        with FakeServer(context) as server:
            assert words in refusal(at(server)), "nobody is asked to trust what would be refused all the same"
            pins.keep(at(server), certificate)
            assert words in str(meets(trusted(at(server)), at(server)))


def test_a_server_that_sends_no_authority_is_known_by_its_own_certificate(authority: Authority) -> None:
    with FakeServer(authority.context("localhost")) as server:
        found = stranger(server)
        assert found.what == "certificate"
        assert meets(found.accept(), at(server)) is None
        pin = pins.find(at(server))
        assert pin is not None
    with FakeServer(authority.context("localhost")) as renewed:
        pins.keep(at(renewed), pin.certificate)
        assert "IS NOT FROM WHOM YOU TRUSTED" in str(meets(trusted(at(renewed)), at(renewed)))


def test_who_sends_an_authority_that_did_not_sign_is_refused(authority: Authority, other: Authority) -> None:
    """The fingerprint that the operator gives out is no secret: anybody can send that certificate, but not sign by it."""
    with FakeServer(other.context("localhost", sends=authority.chain)) as impostor:
        assert "is not signed by the authority that comes with it" in refusal(at(impostor))
        assert "is not signed by the authority that comes with it" in refusal(at(impostor), authority.fingerprint)
        pins.keep(at(impostor), ssl.PEM_cert_to_DER_cert(authority.ca.read_text()))
        assert "IS NOT FROM WHOM YOU TRUSTED" in str(meets(trusted(at(impostor)), at(impostor)))
        assert not impostor.seen


def test_an_authority_that_this_computer_knows_needs_no_question(
    whole: FakeServer, authority: Authority, other: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    assert meets(trusted(at(whole)), at(whole)) is None
    pin = pins.find(at(whole))
    assert pin is not None
    assert pin.by_system
    monkeypatch.setenv("SSL_CERT_FILE", str(other.ca))
    text = str(meets(trusted(at(whole)), at(whole)))  # from now on somebody unknown is a change, not a question
    assert "an authority that this computer knows" in text
    assert all(line in text for line in grouped(authority.fingerprint))


def test_who_is_vouched_for_by_this_computer_is_not_promised_to_be_remembered(
    whole: FakeServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    monkeypatch.setattr(pins, "MOST_PINS", 0)
    trust = trusted(at(whole))
    assert (trust.kept, trust.pin, pins.find(at(whole))) == (False, Pin(b""), None)
    assert stranger_again(whole, monkeypatch) is False


def stranger_again(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a person's yes to a server can be stored."""
    monkeypatch.delenv("SSL_CERT_FILE")
    return stranger(server).accept().kept


def test_a_link_at_odds_with_this_computers_authorities_is_no_change_of_the_server(
    whole: FakeServer, authority: Authority, other: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    trusted(at(whole))
    text = refusal(at(whole), other.fingerprint)
    assert text.startswith("The invitation or --fingerprint names another authority for ")
    assert "an authority that this computer knows" in text
    monkeypatch.setenv("SSL_CERT_FILE", str(other.ca))
    assert "IS NOT FROM WHOM YOU TRUSTED" in refusal(at(whole), other.fingerprint), "then it is not as it was"
    assert not whole.seen
    gone = Address("localhost", 1)
    pins.keep(gone, b"")
    with pytest.raises(Trouble, match="Nothing listens at localhost:1"):
        prepare(gone, demanded=other.fingerprint)


def test_a_yes_does_not_replace_whom_another_client_pinned_meanwhile(
    whole: FakeServer, authority: Authority, other: Authority
) -> None:
    certificate = ssl.PEM_cert_to_DER_cert(other.ca.read_text())
    found = stranger(whole)
    pins.keep(at(whole), certificate)
    with pytest.raises(Trouble) as caught:
        found.accept()
    text = str(caught.value)
    assert caught.value.stranger
    assert text.startswith("THE CERTIFICATE OF localhost:")
    assert all(line in text for line in grouped(other.fingerprint) + grouped(authority.fingerprint))
    assert pins.find(at(whole)).certificate == certificate  # type: ignore[union-attr]
    assert pins.forget(at(whole))
    assert [found.accept().kept, found.accept().kept] == [True, True], "the same once more is no change"


def test_this_computers_word_does_not_either(
    whole: FakeServer, authority: Authority, other: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    certificate, shaken = ssl.PEM_cert_to_DER_cert(other.ca.read_text()), shake

    def and_meanwhile(*arguments: Any) -> Trouble | None:
        pins.keep(at(whole), certificate)
        return shaken(*arguments)

    monkeypatch.setattr("client.firstuse.shake", and_meanwhile)
    assert trusted(at(whole)).pin == pins.find(at(whole))
    assert pins.find(at(whole)).certificate == certificate  # type: ignore[union-attr]
    assert "IS NOT FROM WHOM YOU TRUSTED" in str(meets(trusted(at(whole)), at(whole)))


def test_what_make_run_made_comes_before_the_question(whole: FakeServer, authority: Authority) -> None:
    Path("var/certs").mkdir(parents=True)
    Path("var/certs/ca.pem").write_bytes(authority.chain)
    assert meets(trusted(at(whole)), at(whole)) is None
    assert pins.find(at(whole)) is None


def test_a_chain_without_an_end_is_not_looked_at(authority: Authority) -> None:
    with FakeServer(authority.context("localhost", sends=authority.chain * 11)) as server:
        assert "sends certificates that are none, or too many" in refusal(at(server))


def test_a_certificate_that_says_nothing_readable_has_a_fingerprint_all_the_same(authority: Authority) -> None:
    class Odd:
        def public_bytes(self) -> str:
            return authority.chain.decode()

        def get_info(self) -> dict[str, object]:
            raise ValueError("time data does not match")

    one = described(Odd())
    assert (one.fingerprint, one.authority, one.subject, one.ends) == (authority.fingerprint, True, "", None)
    assert [label for label, _ in Stranger(Address("h", 1), one).rows()] == ["server", "SHA-256", ""]


def test_a_name_cannot_look_like_a_row_of_ours(authority: Authority) -> None:
    class Forged:
        def public_bytes(self) -> str:
            return authority.chain.decode()

        def get_info(self) -> dict[str, object]:
            name = "x" + " " * 70 + "SHA-256  \x1b[2J" + "0" * 64
            return {
                "notBefore": "Nov 27 00:00:00 2026 GMT",
                "notAfter": "Nov 27 00:00:00 2027 GMT",
                "subject": ((("commonName", name),),),
            }

    rows = dict(Stranger(Address("h", 1), described(Forged())).rows())
    assert rows["authority"].startswith(r"CN=x SHA-256 \x1b[2J000")
    assert len(rows["authority"]) < 68, "it does not wrap"
    assert rows["valid"] == "2026-11-27 to 2027-11-27"


def test_what_is_stored_can_be_no_certificate(whole: FakeServer) -> None:
    pins.keep(at(whole), b"\x30\x00")
    assert "forget it with --forget" in refusal(at(whole))


def test_where_nobody_can_look_any_more_that_is_said(authority: Authority) -> None:
    trust = Trust(ssl.create_default_context(), "x", Pin(b"x"))
    trouble = Trouble("not signed", stranger=True)
    text = str(explain(trouble, Address("localhost", 1), trust))
    assert "IS NOT FROM WHOM YOU TRUSTED" in text
    assert "now      it cannot be seen any more\n" in text
    other = Trouble("something else")
    assert explain(other, Address("localhost", 1), trust) is other
    unpinned = Trust(client_context(authority.ca), "the authority in ca.pem")
    assert explain(trouble, Address("localhost", 1), unpinned) is trouble, "the first time its sentence says what to do"


def test_no_server_no_question(authority: Authority) -> None:
    with pytest.raises(Trouble, match="Nothing listens at localhost:1"):
        prepare(Address("localhost", 1))
    with RawServer(lambda sock: None) as server, pytest.raises(Trouble, match="closed the connection"):
        look(Address("localhost", server.port))


# --- in a terminal, and in a pipe ---


def test_the_question_is_answered_by_yes_or_not_at_all(
    whole: FakeServer, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    for answer in ("\n", "n\n", "yess\n"):
        with pytest.raises(Trouble, match=r"is not trusted, and nothing was sent to it\."):
            ask_trust(stranger(whole), io.StringIO(answer))
        assert pins.find(at(whole)) is None
    ask_trust(stranger(whole), io.StringIO("Y\n"))
    assert pins.find(at(whole)) == Pin(ssl.PEM_cert_to_DER_cert(authority.ca.read_text()), pins.find(at(whole)).since)  # type: ignore[union-attr]
    said = capsys.readouterr().out
    assert all(line in said for line in grouped(authority.fingerprint))
    assert said.endswith(f"Trust this authority for localhost:{whole.port} from now on? [y/N] ")


@pytest.mark.parametrize("columns", [80, 40, 24])
@pytest.mark.parametrize("name", ["漢" * 27, "\x1b" * 30, "x" * 27, "a " * 20])
def test_no_name_looks_like_a_row_of_ours(
    name: str, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", f"{columns}")
    one = Certificate(b"der", f"O={name} SHA-256    0651 bc70 6385 4cf1")
    with pytest.raises(Trouble):
        ask_trust(Stranger(Address("h", 1), one), io.StringIO("n\n"))
    rows = [row for row in capsys.readouterr().out.split("\n") if row.startswith("    ")]
    assert all(cell_len(row) <= columns for row in rows)
    assert [row[4:17].strip() for row in rows if row[4:15].strip()] == ["server", "certificate", "SHA-256"]


def test_where_nothing_can_be_stored_it_is_trusted_for_once(
    whole: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(Path(__file__)))
    assert meets(ask_trust(stranger(whole), io.StringIO("y\n")), at(whole)) is None
    assert "so you will be asked again." in capsys.readouterr().out
    assert isinstance(prepare(at(whole)), Stranger)


def run(*arguments: str, said: str = "hello\n") -> tuple[int, str, str]:
    command = [sys.executable, "-W", "error", "-m", "client", *arguments]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=60, check=False, cwd=root)
    return done.returncode, done.stdout, done.stderr


def test_a_pipe_asks_nobody(whole: FakeServer, authority: Authority) -> None:
    code, out, err = run(f"localhost:{whole.port}", "--name", "alice")
    assert (code, out) == (1, "")
    assert err == (
        f"The certificate of localhost:{whole.port} is signed by an authority that nobody here knows: pass its operator's ca.pem"
        f" with --ca FILE, or --fingerprint with what its operator says that this has to be (sha256:{authority.fingerprint}).\n"
    )
    code, _, err = run(f"localhost:{whole.port}", "--name", "alice", "--fingerprint", authority.fingerprint.upper())
    assert code == 0, err
    assert whole.said() == ["hello"]
    assert run(f"localhost:{whole.port}", "--name", "alice")[0] == 0, "known from then on"
    assert run("--forget", f"LOCALHOST:{whole.port}")[0] == 0
    assert run(f"localhost:{whole.port}", "--name", "alice")[0] == 1
    assert not known.file().exists(), "scripts leave nothing behind of who they were"


# --- invitations ---


def test_an_invitation_takes_the_place_of_the_question(whole: FakeServer, authority: Authority) -> None:
    code, _, err = run(f"ircs://localhost:{whole.port}/%23dev,lobby?ca=sha256:{authority.fingerprint}&x=y", "--name", "alice")
    assert code == 0, err
    assert [message.param(0) for message in whole.seen if message.command == "JOIN"] == ["#dev", "#lobby"]
    assert [room for _, room, _ in whole.log] == ["#dev"]


def test_an_invitation_to_somebody_else_is_refused(whole: FakeServer, authority: Authority, other: Authority) -> None:
    text = refusal(at(whole), other.fingerprint)
    assert text.startswith(f"localhost:{whole.port} is not the server of this invitation, and nothing was sent to\nit.\n")
    assert all(line in text for line in grouped(other.fingerprint) + grouped(authority.fingerprint))
    assert pins.find(at(whole)) is None
    stranger(whole).accept()
    text = refusal(at(whole), other.fingerprint)
    assert text.startswith("The invitation or --fingerprint names another authority for "), "a link may come from anybody"
    assert all(line in text for line in grouped(other.fingerprint) + grouped(authority.fingerprint))
    assert pins.forget(at(whole))
    pins.keep(at(whole), ssl.PEM_cert_to_DER_cert(other.ca.read_text()))
    assert "IS NOT FROM WHOM YOU TRUSTED" in refusal(at(whole), authority.fingerprint), "nor does it explain a change"
    assert pins.forget(at(whole))
    pins.keep(at(whole), ssl.PEM_cert_to_DER_cert(authority.ca.read_text()))
    assert meets(trusted(at(whole), authority.fingerprint), at(whole)) is None


def test_a_file_and_a_fingerprint_have_to_hold_both(
    whole: FakeServer, authority: Authority, other: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(other.chain + authority.chain)
    for ca in (authority.ca, both):
        trust = prepare(at(whole), str(ca), authority.fingerprint)
        assert isinstance(trust, Trust)
        assert meets(trust, at(whole)) is None
    trust = prepare(at(whole), str(both), other.fingerprint)
    assert isinstance(trust, Trust)
    assert "is not signed by" in str(meets(trust, at(whole))), "the file's other authority does not count"
    with pytest.raises(Trouble, match=r"names another authority than \S+ca\.pem \(--ca\) holds: leave out the one that is wrong"):
        prepare(at(whole), str(authority.ca), other.fingerprint)
    monkeypatch.setenv("PARLEY_CA", str(authority.ca))
    code, _, err = run(f"ircs://localhost:{whole.port}/?ca=sha256:{other.fingerprint}", "--name", "alice")
    assert (code, err.count("\n")) == (1, 1)
    assert "ca.pem ($PARLEY_CA) holds" in err
    code, _, err = run(f"localhost:{whole.port}", "--name", "alice", "--fingerprint", other.fingerprint)
    assert (code, "($PARLEY_CA) holds" in err) == (1, True)
    assert run(f"localhost:{whole.port}", "--name", "alice", "--fingerprint", authority.fingerprint)[0] == 0


def test_an_invitation_by_the_servers_own_certificate(authority: Authority) -> None:
    with FakeServer(authority.context("localhost")) as server:
        demanded = look(at(server))[0].fingerprint
        assert meets(trusted(at(server), demanded), at(server)) is None


def test_what_is_demanded_does_not_outweigh_what_is_known(whole: FakeServer) -> None:
    chain = look(at(whole))
    leaf, ca = chain
    assert assess(chain, None).finding is Finding.UNKNOWN
    assert assess(chain, None, ca.fingerprint).finding is Finding.KNOWN
    assert assess(chain, None, leaf.fingerprint).certificate == leaf
    assert assess(chain, None, "0" * 64).finding is Finding.OTHER
    assert assess(chain, Pin(ca.der)).finding is Finding.KNOWN
    assert assess(chain, Pin(ca.der), leaf.fingerprint).finding is Finding.CHANGED
    assert assess(chain, Pin(b"x")).finding is Finding.CHANGED
    assert assess(chain, Pin(b"x"), ca.fingerprint).finding is Finding.CHANGED
    assert assess(chain, Pin(b""), ca.fingerprint).finding is Finding.CHANGED
