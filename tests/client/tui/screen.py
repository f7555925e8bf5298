"""What a Textual app shows, as rows of text, and files to compare it with."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

from textual._context import visible_screen_stack
from textual.app import App

FOLDER = Path(__file__).parent / "snapshots"
UPDATE = "PARLEY_SNAPSHOTS"  # =update writes the files


def screen_text(app: App[Any]) -> list[str]:
    """The rows of the screen, without spaces at their ends."""
    visible_screen_stack.set(app._background_screens)  # a dialog is drawn over what is below it
    return ["".join(segment.text for segment in strip).rstrip() for strip in app.screen._compositor.render_strips()]


def compare(name: str, rows: list[str], folder: Path = FOLDER) -> None:
    """Fails, with what differs, where the rows are not those of the file `name`.txt."""
    file = folder / f"{name}.txt"
    if os.environ.get(UPDATE) == "update":
        folder.mkdir(exist_ok=True)
        file.write_text("\n".join(rows) + "\n")
    before = file.read_text().split("\n")[:-1] if file.exists() else []
    if rows != before:
        found = "\n".join(difflib.unified_diff(before, rows, f"snapshots/{name}.txt", "the screen", lineterm=""))
        raise AssertionError(f"{found}\n({UPDATE}=update writes what is on the screen into the file)")
