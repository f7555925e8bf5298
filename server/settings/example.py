"""All settings as a TOML file with comments: deploy/parley.example.toml, and what --print-config prints."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from server.operators import CAPABILITIES
from server.settings.declare import WIDTH
from server.settings.tree import PREFIX, SECTIONS, SPECS, TABLES, Settings, Spec, value_of
from server.settings.values import number


def _quoted(text: str) -> str:
    """A TOML basic string."""
    escaped = "".join(f"\\u{ord(c):04X}" if ord(c) < 0x20 or c in '"\\\x7f' else c for c in text)
    return f'"{escaped}"'


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_quoted(str(item)) for item in value) + "]"
    return _quoted(str(value))


def _entry(spec: Spec, value: object) -> Iterator[str]:
    yield from wrap(spec.doc, WIDTH, initial_indent="# ", subsequent_indent="# ")
    if value == spec.default:
        yield f"#{spec.name} = {_toml(value)}"
    elif spec.secret:
        yield f"#{spec.name} is set, and not shown here"
    else:
        yield f"{spec.name} = {_toml(value)}"


_OPERATORS = f"""\
# Operators. Each table is one: OPER NAME PASSWORD makes a session this operator. All that the table names has to be right.
#
#  [operators.grace]
#  password = "$argon2id$..."                    # from: python -m server operator hash
#  certificates = ["0123...cdef"]                # SHA-256 of client certificates; without a password, one of them is enough
#  hosts = ["192.0.2.0/24", "2001:db8::1"]       # where to come from; none: from anywhere
#  account = "grace"                             # the account to be logged in to; none: any or none
#  operator_class = "moderator"
#  capabilities = ["rehash"]                     # more than the class has
#
#  [operator_classes.moderator]
#  capabilities = ["kill", "ban", "wallops"]
#
# There are: {", ".join(CAPABILITIES)}.
"""

_RETENTION = """\
# What some rooms keep instead of what [retention] says; the first table that names a room counts.
#
#  [retention_rooms.logs]
#  rooms = ["#log-*", "#builds"]
#  days = 7                                      # 0: for ever
#  events = 10000                                # the newest ones; 0: all
#
#  [retention_rooms.private]
#  rooms = ["=*"]                                # private conversations
#  days = 365
"""


def example_toml(settings: Settings | None = None) -> str:
    """Every setting as TOML, its sentence above it. What has its default is commented out; secrets are left out."""
    shown = settings or Settings()
    lines = [
        "# Settings of the Parley server. A line that is commented out shows the default.",
        f"# The environment ({PREFIX}SECTION_FIELD) wins over this file, and flags win over both: python -m server --help",
    ]
    section = ""
    for spec in SPECS.values():
        if spec.section != section:
            section = spec.section
            lines += ["", "", f"# {SECTIONS[section]}", f"[{section}]"]
        lines += ["", *_entry(spec, value_of(shown, spec))]
    lines += ["", "", *_OPERATORS.splitlines(), "", "", *_RETENTION.splitlines()]
    lines += [f"# [{table}.{name}] is set, and not shown here" for table in TABLES for name in getattr(shown, table)]
    return "\n".join(lines) + "\n"
