"""Where values come from, later wins: the TOML file, the environment, the flags."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

from server.settings.checks import check_together
from server.settings.declare import SettingsError, hint
from server.settings.flags import flag_values, parser
from server.settings.tree import PREFIX, SECTIONS, SPECS, TABLES, Settings
from server.settings.values import from_text, from_toml

_MOST_READ = 1 << 20  # bytes of a file


def load(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings for these arguments (without the program's name) and this environment.

    Raises SettingsError for anything that is wrong, and SystemExit(0) after `--help`, `--version` and `--print-config`.
    """
    made = parser()
    given, rest = made.parse_known_args(list(argv))
    if rest:
        options = [option for action in made._actions for option in action.option_strings]
        raise SettingsError(f"{rest[0]}: there is no such flag{hint(rest[0], options)}")
    values: dict[str, object] = {}
    if given.config is not None:
        values.update(_toml_values(Path(given.config), "--config"))
    elif environ.get(f"{PREFIX}CONFIG"):
        values.update(_toml_values(Path(environ[f"{PREFIX}CONFIG"]), f"{PREFIX}CONFIG"))
    values.update(_environment_values(environ))
    values.update(flag_values(given))
    settings = _assemble(values)
    check_together(settings)
    if given.print_config:
        from server.settings.example import example_toml  # noqa: PLC0415  (a server does without it)

        sys.stdout.write(example_toml(settings))
        raise SystemExit(0)
    return settings


def _assemble(values: Mapping[str, Any]) -> Settings:
    parts: dict[str, Any] = {key: value for key, value in values.items() if "." not in key}
    for section, cls in get_type_hints(Settings).items():
        if section in SECTIONS:
            parts[section] = cls(**{key.partition(".")[2]: value for key, value in values.items() if key.startswith(section + ".")})
    return Settings(**parts)


def read_whole(path: Path) -> bytes:
    """A file of a megabyte at the most. Raises OSError, also for what is no file: a pipe is waited for, a device has no end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no ordinary file")
    with path.open("rb") as file:
        text = file.read(_MOST_READ + 1)
    if len(text) > _MOST_READ:
        raise OSError(errno.EFBIG, f"it has more than {_MOST_READ} bytes")
    return text


def _read_toml(path: Path, source: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415  (where there is a file)

    try:
        return tomllib.loads(read_whole(path).decode())
    except OSError as error:
        raise SettingsError(
            f"{source}: {str(path)!r} cannot be read ({error.strerror}); allowed is the path of a TOML file."
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{path}: the byte at {error.start} is not UTF-8; allowed is a TOML file, which is always UTF-8."
        ) from None
    except ValueError as error:  # most often a TOMLDecodeError, which is one; else a number of thousands of digits
        raise SettingsError(f"{path}: this is not TOML: {error}.") from None
    except RecursionError:
        raise SettingsError(f"{path}: this is not TOML: arrays or tables within each other are too deep.") from None


def _rows(table: str, given: object, path: Path) -> dict[str, object]:
    """The tables [TABLE.NAME], by name. What is wrong is not shown: it may be a password in the wrong place."""
    classes = {name: get_args(kind)[1] for name, kind in get_type_hints(Settings).items() if name in TABLES}
    made: dict[str, object] = {}
    for name, row in given.items() if isinstance(given, dict) else [("", None)]:
        if not isinstance(row, dict) or not re.fullmatch(r"[A-Za-z0-9._-]{1,32}", name):
            raise SettingsError(
                f"{path}, {table}: this is not possible; allowed are tables [{table}.NAME] with a name in one word."
            )
        values = {}
        for key, value in row.items():
            if key not in TABLES[table]:
                raise SettingsError(f"{path}, {table}.{name}.{key}: there is no such setting{hint(key, TABLES[table])}")
            values[key] = from_toml(TABLES[table][key], value, f"{path}, {table}.{name}.{key}")
        made[name] = classes[table](**values)
    return made


def _toml_values(path: Path, source: str) -> Iterator[tuple[str, object]]:
    for name, given in _read_toml(path, source).items():
        if name in TABLES:
            yield name, _rows(name, given, path)
            continue
        if name in SECTIONS and not isinstance(given, dict):
            raise SettingsError(f"{path}, {name}: {given!r} is not possible; allowed is a table [{name}] of settings.")
        pairs = {f"{name}.{key}": value for key, value in given.items()} if isinstance(given, dict) else {name: given}
        for key, value in pairs.items():
            if key not in SPECS:
                raise SettingsError(f"{path}, {key}: there is no such setting{hint(key, SPECS)}")
            yield key, from_toml(SPECS[key], value, f"{path}, {key}")
        if name not in SECTIONS and not pairs:
            raise SettingsError(f"{path}, {name}: there is no such section{hint(name, SECTIONS)}")


# What container engines set for a service called parley-store and the like; not meant for us.
_SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d+_\w+)$")


def _environment_values(environ: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    """The settings among `environ`. An unknown name is an error where it begins like one of ours (`PARLEY_LIMITS_`)."""
    known = {spec.env: spec for spec in SPECS.values()}
    ours = tuple(f"{PREFIX}{section.upper()}_" for section in SECTIONS)
    for name, text in environ.items():
        if name in known:
            yield known[name].key, from_text(known[name], text, name)
        elif name.startswith(ours) and not _SERVICE_LINK.search(name):
            raise SettingsError(f"{name}: there is no such setting{hint(name, known)}")
