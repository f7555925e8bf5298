"""The corpora as they are kept, and the words that go with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fuzz import __main__ as driver
from tests.fuzz import corpus, dictionary
from tests.fuzz.cut import pieces
from tests.fuzz.targets import TARGETS

MOST_BYTES, MOST_INPUTS = 300 * 1024, 1500


def test_the_corpora_are_small_enough_to_be_kept() -> None:
    files = sorted(corpus.FOLDER.iterdir())
    assert [file.stem for file in files] == sorted(TARGETS)
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES
    assert sum(len(corpus.read(name)) for name in TARGETS) <= MOST_INPUTS


def test_a_corpus_goes_to_files_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = [b"", b"a", b'\0\r\n\xff"\\', "\u2028éa".encode()]
    monkeypatch.setattr(corpus, "FOLDER", tmp_path / "kept")
    corpus.unpack("wire", tmp_path / "none")
    assert list((tmp_path / "none").iterdir()) == []
    corpus.write("wire", [*inputs, b"a"])
    assert corpus.read("wire") == inputs
    assert driver.main(["--unpack", "wire", str(tmp_path / "files")]) == 0
    assert {path.read_bytes() for path in (tmp_path / "files").iterdir()} == set(inputs)
    (tmp_path / "files" / "new").write_bytes(b"new")
    assert driver.main(["--keep", "wire", str(tmp_path / "files")]) == 0
    assert corpus.read("wire") == [b"", b"a", b"new", *inputs[2:]]


def test_the_dictionary_is_one_that_libfuzzer_reads(tmp_path: Path) -> None:
    dictionary.write(tmp_path / "words")
    lines = (tmp_path / "words").read_text().splitlines()
    assert all(re.fullmatch(r'"([ -!#-\[\]-~]|\\x[0-9a-f]{2})+"', line) for line in lines), lines
    assert {'"PRIVMSG"', '"draft/multiline"', '"IDENTIFY"', '"\\x1b]52;c;"'} <= set(lines)


def test_pieces_are_the_whole() -> None:
    for cuts in (b"", b"\0", b"\x80", b"\xff\x01\x80\x80"):
        for size in (0, 1, 2, 5, 300):
            data = bytes(range(256))[:size] * 2
            assert b"".join(pieces(data, cuts)) == data
    assert len(pieces(b"0123456789", b"\x40\x80\xc0")) == 4


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["--keep", "wire"], ["--keep", "nothing", "x"], ["--unpack"]])
def test_what_is_no_command_is_told_how_it_is_done(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert driver.main(arguments) == 2
    assert "Targets: wire tags" in capsys.readouterr().err
