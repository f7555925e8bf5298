"""Have Atheris look for input that breaks a target.

    python -m tests.fuzz TARGET [-max_total_time=60] [other flags of libFuzzer]
    python -m tests.fuzz --keep TARGET FOLDER...     make the corpus of TARGET anew of what is in these folders
    python -m tests.fuzz --unpack TARGET FOLDER      the other way round

It starts from the kept corpus (tests/fuzz/corpora), and works in a folder of its own: `--folder DIR`, else a temporary one. What
breaks the target is written to `crash-...` there. Needs requirements/fuzz.txt, and so Python 3.11 to 3.13.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

from tests.fuzz import corpus, dictionary, targets

MOST = 2048  # bytes of input: what is longer is slow, and finds no more


def fuzz(name: str, folder: Path, flags: list[str]) -> None:
    """Until a flag says stop, or something breaks. Does not return."""
    atheris = importlib.import_module("atheris")  # not in the development environment
    with atheris.instrument_imports(include=["wire", "server", "client"]):
        target = targets.load(name)
    corpus.unpack(name, folder / "corpus")
    dictionary.write(folder / "words")
    own = [f"-artifact_prefix={folder}/", f"-dict={folder / 'words'}", f"-max_len={MOST}", "-timeout=20"]
    again = f"{sys.executable} -m tests.fuzz {name} --folder {folder}"  # what libFuzzer starts, for -merge=1
    atheris.Setup([again, *own, *flags, str(folder / "corpus")], target)
    atheris.Fuzz()


def main(arguments: list[str]) -> int:
    match arguments:
        case ["--keep", name, *folders] if name in targets.TARGETS and folders:
            print(f"{name}: {corpus.pack(name, *map(Path, folders))} inputs")
        case ["--unpack", name, folder] if name in targets.TARGETS:
            corpus.unpack(name, Path(folder))
        case [name, "--folder", folder, *flags] if name in targets.TARGETS:
            fuzz(name, Path(folder), flags)
        case [name, *flags] if name in targets.TARGETS:
            fuzz(name, Path(tempfile.mkdtemp(prefix=f"parley-fuzz-{name}-")), flags)
        case _:
            print(f"{__doc__}\nTargets: {' '.join(targets.TARGETS)}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
