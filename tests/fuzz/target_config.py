"""The configuration file: settings, or one sentence that says what is wrong.

Input: the file.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from server.settings.declare import SettingsError
from server.settings.example import example_toml
from server.settings.read import load
from server.settings.tree import Settings

_FOLDER = tempfile.TemporaryDirectory(prefix="parley-fuzz-")


def target(data: bytes) -> None:
    try:
        settings = _loaded(data)
    except SettingsError as error:
        text = str(error)
        assert 0 < len(text) <= 2000, "a sentence is not as long as a file"
        assert "Traceback" not in text
        return
    assert _loaded(example_toml(settings).encode()) == settings, "what --print-config writes means something else"


def _loaded(data: bytes) -> Settings:
    path = Path(_FOLDER.name, "parley.toml")
    path.write_bytes(data)
    return load(["--config", str(path)], {})
