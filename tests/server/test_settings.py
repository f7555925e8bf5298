"""One settings tree: its sources, their precedence, and an error that says what to do."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from pathlib import Path

import pytest

from server.settings.declare import Address, SettingsError
from server.settings.example import example_toml
from server.settings.flags import FLAGS, parser
from server.settings.people import Operator, OperatorClass
from server.settings.read import load, read_whole
from server.settings.tree import SPECS, Settings, Spec, value_of
from server.settings.values import as_text, fits, from_text

ROOT = Path(__file__).parents[2]


def written(tmp_path: Path, text: str) -> str:
    file = tmp_path / "parley.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def refusal(argv: list[str], environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(argv, environ or {})
    text = str(caught.value)
    assert "\n" not in text, "an error is one sentence"
    return text


# -- sources -----------------------------------------------------------------------------------------------------------------


def test_without_anything_the_defaults_hold() -> None:
    settings = load([], {})
    assert settings == Settings()
    assert settings.listen.irc == (Address("127.0.0.1", 6697),)
    assert settings.limits.line == 512
    assert settings.deadlines.drain == 8.0


def test_a_later_source_wins(tmp_path: Path) -> None:
    file = written(tmp_path, "[limits]\nline = 1000\ntags = 1000\nhistory = 10\n")
    environ = {"PARLEY_LIMITS_LINE": "2000", "PARLEY_LIMITS_TAGS": "2000"}
    limits = load(["--config", file, "--set", "limits.line=3000"], environ).limits
    assert (limits.line, limits.tags, limits.history, limits.targets) == (3000, 2000, 10, 4)


def test_the_file_can_be_named_by_the_environment_and_the_flag_wins(tmp_path: Path) -> None:
    environ = {"PARLEY_CONFIG": written(tmp_path, 'name = "from.env"\n')}
    assert load([], environ).name == "from.env"
    other = tmp_path / "other.toml"
    other.write_text('name = "from.flag"\n')
    assert load(["--config", str(other)], environ).name == "from.flag"


def test_every_type_comes_from_toml(tmp_path: Path) -> None:
    text = """
        motd = "motd.txt"
        log_level = "debug"
        [listen]
        irc = ["[::1]:0", "localhost:6697"]
        plain = []
        [tls]
        certs = "elsewhere"
        reload_check_s = 1
        [limits]
        enabled = false
        flood_rate = 2.5
    """
    settings = load(["--config", written(tmp_path, text)], {})
    assert settings.listen.irc == (Address("::1", 0), Address("localhost", 6697))
    assert settings.listen.plain == ()
    assert settings.tls.certs == Path("elsewhere")
    assert (settings.tls.reload_check_s, type(settings.tls.reload_check_s)) == (1.0, float)
    assert (settings.limits.enabled, settings.limits.flood_rate) == (False, 2.5)
    assert (settings.motd, settings.log_level) == ("motd.txt", "debug")


def test_every_type_comes_from_the_environment() -> None:
    environ = {
        "PARLEY_NAME": "chat.example",
        "PARLEY_LISTEN_IRC": "[::]:6697, 0.0.0.0:6697",
        "PARLEY_LISTEN_PLAIN": "off",
        "PARLEY_STORE_KIND": "MEMORY",
        "PARLEY_LIMITS_ENABLED": "No",
        "PARLEY_DEADLINES_DRAIN": "0.5",
        "PARLEY_TLS_CERTS": "~/certs",
        "HOME": "/nowhere",
    }
    settings = load([], environ)
    assert settings.name == "chat.example"
    assert settings.listen.irc == (Address("::", 6697), Address("0.0.0.0", 6697))
    assert settings.listen.plain == ()
    assert (settings.store.kind, settings.limits.enabled, settings.deadlines.drain) == ("memory", False, 0.5)
    assert settings.tls.certs == Path("~/certs").expanduser()


def test_the_flags_of_the_design_page() -> None:
    argv = ["--certs", "C", "--data", "D", "--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--plain-listen", "127.0.0.1:0"]
    argv += ["--store", "memory", "--workers", "2", "--limits", "off", "--log-level", "warning"]
    settings = load(argv, {})
    assert (settings.tls.certs, settings.store.data) == (Path("C"), Path("D"))
    assert settings.listen.irc == (Address("127.0.0.1", 0), Address("::1", 0))
    assert settings.listen.plain == (Address("127.0.0.1", 0),)
    assert (settings.store.kind, settings.workers.count) == ("memory", 2)
    assert (settings.limits.enabled, settings.log_level) == (False, "warning")


@pytest.mark.parametrize("off", ["", "off", "OFF"])
def test_the_plain_listener_can_be_turned_off(off: str) -> None:
    assert load(["--plain-listen", off], {}).listen.plain == ()


def test_variables_of_others_are_left_alone() -> None:
    environ = {
        "PARLEY_PORT": "tcp://10.0.0.1:6697",
        "PARLEY_STORE_SERVICE_HOST": "10.0.0.1",
        "PARLEY_STORE_PORT_80_TCP": "x",
        "PATH": "/bin",
    }
    assert load([], environ) == Settings()


def test_settings_cannot_be_changed_and_do_not_show_the_password() -> None:
    settings = load([], {"PARLEY_PASSWORD": "swordfish"})
    assert settings.password == "swordfish"
    assert "swordfish" not in repr(settings)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("text", ["127.0.0.1:6697", "[::1]:0", "localhost:65535", "[fe80::1%eth0]:1"])
def test_an_address_reads_back_as_it_was_written(text: str) -> None:
    assert str(Address.parse(text)) == text


# -- errors ------------------------------------------------------------------------------------------------------------------

FLAG_ERRORS = [
    (["--workers", "two"], "--workers: 'two' is not possible; allowed is a whole number from 1 to 256."),
    (["--workers", "0"], "--workers: '0' is not possible; allowed is a whole number from 1 to 256."),
    (["--limits", "maybe"], "--limits: 'maybe' is not possible; allowed is on or off (in TOML true or false)."),
    (["--store", "redis"], "--store: 'redis' is not possible; allowed is one of sqlite, memory."),
    (["--certs", ""], "--certs: '' is not possible; allowed is the path of a directory."),
    (["--set", "limits.flood_rate=nan"], "--set limits.flood_rate: 'nan' is not possible; allowed is a number from 0.1 to 100000."),
    (
        ["--set", "limits.exempt=10.0.0.1/8"],
        (
            "limits.exempt: 10.0.0.1/8 has host bits set; allowed are networks such as 192.0.2.0/24 or 2001:db8::/32,"
            " with commas between them."
        ),
    ),
    (
        ["--set", "cloak.suffix=-ip"],
        "--set cloak.suffix: '-ip' is not possible; allowed is letters, digits, dots and hyphens, up to 24.",
    ),
    (["--set", "limits.line"], "--set: 'limits.line' is not possible; allowed is section.field=value."),
    (["--set", "limits.lime=1"], "--set: there is no setting limits.lime; did you mean limits.line?"),
    (["--set", "rooms_per_user=1"], "--set: there is no setting rooms_per_user; did you mean limits.rooms_per_user?"),
    (
        ["--set", "name=two words"],
        "--set name: 'two words' is not possible; allowed is a name of letters, digits, dots and hyphens, up to 63.",
    ),
    (["--set", "network=two words"], "--set network: 'two words' is not possible; allowed is one word of up to 63 characters."),
    (
        ["--set", "description=a\r\nb"],
        "--set description: 'a\\r\\nb' is not possible; allowed is one line of text without control characters.",
    ),
    (["--worker", "1"], "--worker: there is no such flag; did you mean --workers?"),
    (["stray"], "stray: there is no such flag."),
    (["--workers"], "argument --workers: expected one argument; see --help for what is allowed."),
    (
        ["--config", "/nowhere/x.toml"],
        "--config: '/nowhere/x.toml' cannot be read (No such file or directory); allowed is the path of a TOML file.",
    ),
    (
        ["--listen", "off", "--plain-listen", "off"],
        (
            "listen.irc, listen.plain, listen.certified and listen.websocket: all are off;"
            " allowed is at least one address to listen at."
        ),
    ),
    (
        ["--listen", "h:1", "--plain-listen", "h:1"],
        "listen.irc, listen.plain, listen.certified and listen.websocket: h:1 is named twice; allowed is once.",
    ),
    (
        ["--set", "limits.topic=391"],
        "limits.topic: 391 does not fit a line of 512 bytes; allowed is at most 390, or a greater limits.line.",
    ),
]


@pytest.mark.parametrize(("argv", "sentence"), FLAG_ERRORS)
def test_an_error_names_the_flag_the_value_and_what_is_allowed(argv: list[str], sentence: str) -> None:
    assert refusal(argv) == sentence


@pytest.mark.parametrize(
    "text", ["6697", "h", "h:", ":1", "h:65536", "::1:6697", "[::1]", "[h]:1", "a b:1", "h:1,off", "h:-1", "h:٣"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert refusal(["--listen", text]).startswith(f"--listen: {text!r} is not possible; allowed is HOST:PORT such as")


ENVIRONMENT_ERRORS = [
    ("PARLEY_LIMITS_LINE", "511", "PARLEY_LIMITS_LINE: '511' is not possible; allowed is a whole number from 512 to 65536."),
    ("PARLEY_LIMITS_LIEN", "512", "PARLEY_LIMITS_LIEN: there is no such setting; did you mean PARLEY_LIMITS_LINE?"),
    ("PARLEY_DEADLINES_PING", "inf", "PARLEY_DEADLINES_PING: 'inf' is not possible; allowed is a number from 0.1 to 86400."),
    (
        "PARLEY_CONFIG",
        "/nowhere",
        "PARLEY_CONFIG: '/nowhere' cannot be read (No such file or directory); allowed is the path of a TOML file.",
    ),
    (
        "PARLEY_PASSWORD",
        "secret\n",
        "PARLEY_PASSWORD: this value is not possible; allowed is one line of text without control characters.",
    ),
]


@pytest.mark.parametrize(("name", "value", "sentence"), ENVIRONMENT_ERRORS)
def test_an_error_names_the_variable(name: str, value: str, sentence: str) -> None:
    assert refusal([], {name: value}) == sentence


FILE_ERRORS = [
    ("[limits]\nline = '512'", "limits.line: '512' is not possible; allowed is a whole number from 512 to 65536."),
    ("[limits]\nline = true", "limits.line: True is not possible; allowed is a whole number from 512 to 65536."),
    ("[limits]\nenabled = 1", "limits.enabled: 1 is not possible; allowed is on or off (in TOML true or false)."),
    ("[tls]\nprofile = 1", "tls.profile: 1 is not possible; allowed is one of intermediate, modern."),
    ("[tls]\ncerts = 1", "tls.certs: 1 is not possible; allowed is the path of a directory."),
    ("[deadlines]\nping = false", "deadlines.ping: False is not possible; allowed is a number from 0.1 to 86400."),
    ("[limits]\nlimne = 1", "limits.limne: there is no such setting; did you mean limits.line?"),
    ("line = 512", "line: there is no such setting; did you mean limits.line?"),
    ("[limit]\nline = 512", "limit.line: there is no such setting; did you mean limits.line?"),
    ("[limit]", "limit: there is no such section; did you mean limits?"),
    ("[qqq]\nzzz = 1", "qqq.zzz: there is no such setting."),
    ("limits = 3", "limits: 3 is not possible; allowed is a table [limits] of settings."),
    ("name = {}", "name: there is no such section."),
]


@pytest.mark.parametrize(("text", "sentence"), FILE_ERRORS)
def test_an_error_names_the_file_and_the_key(tmp_path: Path, text: str, sentence: str) -> None:
    file = written(tmp_path, text)
    assert refusal(["--config", file]) == f"{file}, {sentence}"


def test_a_list_in_toml_holds_strings(tmp_path: Path) -> None:
    for text in ("[listen]\nirc = '127.0.0.1:1'", "[listen]\nirc = [6697]"):
        assert "allowed is HOST:PORT" in refusal(["--config", written(tmp_path, text)])


def test_a_file_that_is_not_toml_is_refused_with_the_place(tmp_path: Path) -> None:
    assert re.search(r"parley.toml: this is not TOML: .*line 1.*\.$", refusal(["--config", written(tmp_path, "name = \n")]))
    file = tmp_path / "latin.toml"
    file.write_bytes(b'name = "\xe9"')
    assert "the byte at 8 is not UTF-8" in refusal(["--config", str(file)])
    for text, why in (
        (f"name = {'[' * 1500}", "too deep"),
        (f"name = {'{a=' * 1500}", "too deep"),
        (f"[limits]\nline = {'9' * 5000}", "digits"),
        (f"[limits]\nline = 0x{'f' * 5000}", "this value is not possible; allowed is a whole number from 512"),
    ):
        assert why in refusal(["--config", written(tmp_path, text)])


def test_what_is_said_of_a_file_is_one_line_whatever_stands_in_it(tmp_path: Path) -> None:
    for text in (
        f"name = '{'x' * 5000}'",
        f"{'x' * 5000} = 1",
        '"\\u001b]52;c;AAAA\\u0007\\n" = 1',
        '[limits]\nline = "\\u009b31m"',
    ):
        said = refusal(["--config", written(tmp_path, text)])
        assert len(said) < 1100
        assert said.isprintable(), said


# -- help and example --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_help_lists_the_setting_with_its_sentence(spec: Spec) -> None:
    text = " ".join(parser().format_help().split())
    assert spec.doc.endswith("."), "a sentence ends with a period"
    shown = text.partition(f" {spec.key} = ")[2]
    assert spec.doc in shown


def test_help_lists_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load(["--help"], {})
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(f"{flag.option} {flag.metavar}" in text for flag in FLAGS)
    assert all(option in text for option in ("--config FILE", "--set", "--print-config", "--version"))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_the_default_is_itself_allowed(spec: Spec) -> None:
    text = "" if spec.default == "" else as_text(spec.default)
    assert from_text(spec, text, "default") == spec.default
    assert fits(spec, spec.default)


def test_version_names_python_and_openssl(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for installed in ("9.9", None):

        def version(_: str, installed: str | None = installed) -> str:
            from importlib.metadata import PackageNotFoundError  # noqa: PLC0415

            if installed is None:
                raise PackageNotFoundError
            return installed

        monkeypatch.setattr("importlib.metadata.version", version)
        with pytest.raises(SystemExit):
            load(["--version"], {})
        assert re.fullmatch(rf"Parley {installed or 'from a checkout'}, Python 3\.\S+, \S*SSL .*\n", capsys.readouterr().out)


def test_the_committed_example_is_the_one_that_the_tree_gives() -> None:
    assert (ROOT / "deploy" / "parley.example.toml").read_text(encoding="utf-8") == example_toml(), (
        "write it again: python -m server --print-config > deploy/parley.example.toml"
    )


def test_the_example_with_every_line_switched_on_is_the_defaults(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^#(?=\w+ = )", "", example_toml())
    assert sum(len(part) if isinstance(part, dict) else 1 for part in tomllib.loads(text).values()) == len(SPECS)
    assert load(["--config", written(tmp_path, text)], {}) == Settings()


def test_a_printed_configuration_reads_back_but_for_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [
        "--listen",
        "[::1]:0",
        "--listen",
        "h:1",
        "--plain-listen",
        "off",
        "--limits",
        "off",
        "--set",
        'description=say "hi" \\ é',
    ]
    argv += ["--set", "limits.flood_rate=2.5", "--certs", "/c", "--workers", "3"]
    with pytest.raises(SystemExit) as ended:
        load([*argv, "--print-config"], {"PARLEY_PASSWORD": "swordfish"})
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert "swordfish" not in text
    assert "#password is set, and not shown here" in text
    assert load(["--config", written(tmp_path, text)], {}) == load(argv, {})


def test_every_setting_can_be_asked_for() -> None:
    settings = Settings()
    assert all(value_of(settings, spec) == spec.default for spec in SPECS.values())


# -- tables with names of one's own --------------------------------------------------------------------------------------------

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"
DIGEST = ":".join(["aB"] * 32)


def test_operators_and_their_classes(tmp_path: Path) -> None:
    text = f"""
        [operators.grace]
        password = "{HASH}"
        certificates = ["{DIGEST}", "{"0" * 64}"]
        hosts = ["192.0.2.0/24", "*.example"]
        account = "Grace"
        operator_class = "moderator"
        capabilities = ["rehash"]
        [operators.x-1]
        certificates = ["{"f" * 64}"]
        [operator_classes.moderator]
        capabilities = ["kill", "ban"]
    """
    settings = load(["--config", written(tmp_path, text)], {})
    assert settings.operators == {
        "grace": Operator(HASH, (DIGEST, "0" * 64), ("192.0.2.0/24", "*.example"), "Grace", "moderator", ("rehash",)),
        "x-1": Operator(certificates=("f" * 64,)),
    }
    assert settings.operator_classes == {"moderator": OperatorClass(("kill", "ban"))}
    assert HASH not in repr(settings)
    assert "[operators.grace] is set, and not shown here" in example_toml(settings)
    assert HASH not in example_toml(settings)


TABLE_ERRORS = [
    ("operators = 1", "operators: this is not possible; allowed are tables [operators.NAME] with a name in one word."),
    (
        "[operators]\npassword = 'secret'",
        "operators: this is not possible; allowed are tables [operators.NAME] with a name in one word.",
    ),
    ("[operators.'a b']\n", "operators: this is not possible; allowed are tables [operators.NAME] with a name in one word."),
    ("[operators.a]\npasswort = 'secret'", "operators.a.passwort: there is no such setting; did you mean password?"),
    (
        "[operators.a]\npassword = 'secret'",
        "operators.a.password: this value is not possible; allowed is the line that `python -m server operator hash` prints.",
    ),
    (
        "[operators.a]\ncertificates = ['12']",
        "operators.a.certificates: ['12'] is not possible; allowed is a list of SHA-256 fingerprints, 64 hexadecimal digits each.",
    ),
    (
        "[operators.a]\nhosts = '192.0.2.1'",
        'operators.a.hosts: \'192.0.2.1\' is not possible; allowed is a list such as ["192.0.2.0/24", "2001:db8::1", "*.example"].',
    ),
    (
        "[operators.a]\nhosts = ['u@host']",
        'operators.a.hosts: [\'u@host\'] is not possible; allowed is a list such as ["192.0.2.0/24", "2001:db8::1", "*.example"].',
    ),
    ("[operators.a]\naccount = 'a b'", "operators.a.account: 'a b' is not possible; allowed is the name of an account."),
    (
        "[operators.a]\noperator_class = 3",
        "operators.a.operator_class: 3 is not possible; allowed is the name of a table [operator_classes.NAME].",
    ),
    (
        "[operator_classes.a]\ncapabilities = ['kil']",
        "operator_classes.a.capabilities: ['kil'] is not possible; allowed is a list of kill, ban, chghost, rehash, wallops,",
    ),
    ("[operator_classes.a]\ncapabilities = [1]", "operator_classes.a.capabilities: [1] is not possible; allowed is a list of"),
]


@pytest.mark.parametrize(("text", "sentence"), TABLE_ERRORS)
def test_an_error_in_a_table_names_it_and_shows_no_secret(tmp_path: Path, text: str, sentence: str) -> None:
    file = written(tmp_path, text)
    complaint = refusal(["--config", file])
    assert complaint.startswith(f"{file}, {sentence}")
    assert "secret" not in complaint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "operators.a: anybody could be it; allowed is a table with a password, certificates or both."),
        (
            f"password = '{HASH}'\noperator_class = 'moderater'\n[operator_classes.moderator]",
            "operators.a.operator_class: there is no class moderater; did you mean moderator?",
        ),
        (f"password = '{HASH}'\noperator_class = 'x'", "operators.a.operator_class: there is no class x."),
    ],
)
def test_what_no_table_can_tell_alone(tmp_path: Path, text: str, sentence: str) -> None:
    assert refusal(["--config", written(tmp_path, f"[operators.a]\n{text}\n")]) == sentence


def test_the_example_of_an_operator_is_one(tmp_path: Path) -> None:
    text = "\n".join(line[3:] for line in example_toml().splitlines() if line.startswith("#  "))
    text = text.replace("$argon2id$...", HASH).replace("0123...cdef", "0" * 64)
    settings = load(["--config", written(tmp_path, text)], {})
    assert list(settings.operators) == ["grace"]
    assert list(settings.operator_classes) == ["moderator"]


def test_what_is_no_ordinary_file_is_not_read(tmp_path: Path) -> None:
    """A pipe would be waited for, and a device has no end."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(bytes((1 << 20) + 1))
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path / "large"):
        with pytest.raises(OSError, match=r"ordinary file|more than"):
            read_whole(path)
        with pytest.raises(SettingsError, match="cannot be read"):
            load(["--config", str(path)], {})
