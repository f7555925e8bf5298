"""Words that are worth putting into input: out of the tables of the software itself, so that none is forgotten."""

from __future__ import annotations

from pathlib import Path

_OTHERS = (
    *("#a", "#b", "#lobby", "ann", "bob", "cat", "pencil", "parley.local", "*!*@*", "a:ann", "m:", ":", " :", "@", "@#a", "*", "0"),
    *(
        "label=",
        "parley.chat/id=0123456789abcdefghijkl",
        "batch=",
        "+draft/react=",
        "+typing=",
        "draft/multiline",
        "draft/multiline-concat",
        "msgid=",
        "timestamp=",
        "time=",
    ),
    *("msgid=00000000000a", "timestamp=2026-09-21T14:13:20.000Z", "chathistory", "labeled-response", "LATEST", "AFTER", "BETWEEN"),
    *("n,,", "n=ann", "r=", "c=biws", "p=", "i=4096", "s=", "=2C", "=3D", "{PROOF}", "{NONCE}", "{PLAIN}", "{FINAL}", "PLAIN"),
    *("SCRAM-SHA-256", "EXTERNAL", "GET / HTTP/1.1", "Upgrade: websocket", "Sec-WebSocket-Key: ", "Origin: ", "Host: "),
    *(
        "\x02",
        "\x03",
        "\x0f",
        "\x01ACTION ",
        "\x01",
        "\x1b[2J",
        "\x1b]52;c;",
        "\r",
        "\0",
        "\x85",
        "\u202e",
        "\u2028",
        "\u200b",
        "é",
    ),
    *("001", "005", "332", "353", "366", "433", "900", "903", "904", "/say ", "/join ", "/part ", "/nick ", "/drop", "/msg "),
)


def words() -> list[bytes]:
    """Names of commands, capabilities, settings, services, and words of the protocols."""
    from server.commands import TABLE  # noqa: PLC0415 - loaded behind Atheris, which instruments it
    from server.commands.services import SERVICES  # noqa: PLC0415
    from server.settings.tree import SPECS  # noqa: PLC0415
    from wire.capabilities import NAMES  # noqa: PLC0415

    services = [word for service in SERVICES.values() for word in (service.name, *service.table)]
    found = [*_OTHERS, *TABLE, *NAMES, *services, *(f"{spec.name} = " for spec in SPECS.values())]
    return [word.encode() for word in dict.fromkeys(found)]


def write(path: Path) -> None:
    """As libFuzzer reads it: a quoted word a line, bytes as \\xNN."""
    quoted = ["".join(chr(b) if 0x20 <= b < 0x7F and b not in b'"\\' else f"\\x{b:02x}" for b in word) for word in words()]
    path.write_text("".join(f'"{word}"\n' for word in quoted), encoding="ascii")
