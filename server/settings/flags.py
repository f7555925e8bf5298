"""The command line: its flags, their help, and what they say."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple, NoReturn

from server.settings.declare import WIDTH, SettingsError, hint
from server.settings.tree import PREFIX, SECTIONS, SPECS
from server.settings.values import as_text, from_text


class _Flag(NamedTuple):
    option: str
    key: str
    metavar: str
    repeatable: bool = False


FLAGS = (
    _Flag("--certs", "tls.certs", "DIR"),
    _Flag("--tls", "tls.profile", "intermediate|modern"),
    _Flag("--data", "store.data", "DIR"),
    _Flag("--listen", "listen.irc", "HOST:PORT", repeatable=True),
    _Flag("--plain-listen", "listen.plain", "HOST:PORT", repeatable=True),
    _Flag("--certified-listen", "listen.certified", "HOST:PORT", repeatable=True),
    _Flag("--websocket-listen", "listen.websocket", "HOST:PORT", repeatable=True),
    _Flag("--http-listen", "listen.http", "HOST:PORT", repeatable=True),
    _Flag("--store", "store.kind", "sqlite|memory"),
    _Flag("--workers", "workers.count", "N"),
    _Flag("--limits", "limits.enabled", "on|off"),
    _Flag("--log-level", "log_level", "debug|info|warning|error"),
    _Flag("--log-format", "log_format", "console|json"),
)


def flag_values(given: argparse.Namespace) -> Iterator[tuple[str, object]]:
    """The settings that the command line gives, by their keys; `given` is what `parser` made of it."""
    for flag in FLAGS:
        text = getattr(given, flag.key)
        if text is not None:
            yield flag.key, from_text(SPECS[flag.key], ",".join(text) if flag.repeatable else text, flag.option)
    for pair in given.set:
        key, equals, text = pair.partition("=")
        if not equals:
            raise SettingsError(f"--set: {pair!r} is not possible; allowed is section.field=value.")
        if key not in SPECS:
            raise SettingsError(f"--set: there is no setting {key}{hint(key, SPECS)}")
        yield key, from_text(SPECS[key], text, f"--set {key}")


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        self.epilog = _all_settings()  # wrapping all that is for who asks: it takes a third of the time that `parser` takes
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message}; see --help for what is allowed.")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import ssl  # noqa: PLC0415  (both take their time to load, and only this flag needs them)
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

        try:
            release = version("parley")
        except PackageNotFoundError:
            release = "from a checkout"
        sys.stdout.write(f"Parley {release}, Python {sys.version.split()[0]}, {ssl.OPENSSL_VERSION}\n")
        raise SystemExit(0)


def _all_settings() -> str:
    from textwrap import wrap  # noqa: PLC0415  (for who asks for help)

    lines = [
        "all settings, with their defaults:",
        f"  in the TOML file as [section] and field = value, in the environment as {PREFIX}SECTION_FIELD, here as --set;",
        "  a flag wins over the environment, the environment over the file",
    ]
    section = ""
    for spec in SPECS.values():
        if spec.section != section:
            section = spec.section
            lines += ["", f"  {section}: {SECTIONS[section]}"]
        lines.append(f"    {spec.key} = {as_text(spec.default)}")
        lines += wrap(spec.doc, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return "\n".join(lines)


@cache  # making it takes longer than all else that `load` does
def parser() -> argparse.ArgumentParser:
    """The command line of `python -m server`, with its help text. Its errors are SettingsError."""
    made = _Parser(
        prog="python -m server",
        description="The Parley server: chat over TLS, for IRC clients and for plain ones.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--config", metavar="FILE", help=f"TOML file with settings (also {PREFIX}CONFIG)")
    for flag in FLAGS:
        made.add_argument(
            flag.option,
            dest=flag.key,
            metavar=flag.metavar,
            action="append" if flag.repeatable else "store",
            help=SPECS[flag.key].doc.replace("%", "%%") + (" Repeatable." if flag.repeatable else ""),
        )
    made.add_argument("--set", metavar="SECTION.FIELD=VALUE", action="append", default=[], help="Any setting below. Repeatable.")
    made.add_argument("--print-config", action="store_true", help="Print the settings in force as a commented TOML file, and end.")
    made.add_argument("--version", action=_Version, nargs=0, help="Print the versions of Parley, Python and OpenSSL, and end.")
    return made
