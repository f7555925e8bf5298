"""The kept input of each target: one file a target, one input a line, as a JSON string whose characters stand for bytes.

So it can be read and compared, and a repository holds a dozen files instead of thousands. libFuzzer wants a folder of files:
`unpack` and `pack` go between the two.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "corpora"


def path_of(name: str) -> Path:
    """Where the corpus of the target `name` is."""
    return FOLDER / f"{name}.jsonl"


def read(name: str) -> list[bytes]:
    """All inputs that are kept for a target."""
    return [json.loads(line).encode("latin-1") for line in path_of(name).read_text(encoding="utf-8").splitlines()]


def write(name: str, inputs: Iterable[bytes]) -> None:
    """Keep these, each once, the short ones first."""
    lines = [json.dumps(data.decode("latin-1")) for data in sorted(set(inputs), key=lambda data: (len(data), data))]
    FOLDER.mkdir(exist_ok=True)
    path_of(name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def unpack(name: str, folder: Path) -> None:
    """Write each input into a file of `folder`, named by its hash as libFuzzer does it."""
    folder.mkdir(parents=True, exist_ok=True)
    for data in read(name) if path_of(name).exists() else []:
        (folder / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)


def pack(name: str, *folders: Path) -> int:
    """Keep what is in `folders`; how many that is."""
    inputs = {path.read_bytes() for folder in folders for path in folder.iterdir() if path.is_file()}
    write(name, inputs)
    return len(inputs)
