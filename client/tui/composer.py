"""Where one types: a text area that grows, what completes a word, and a line of hints below."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static, TextArea
from textual.widgets.text_area import Selection

from client.tui.area import Area
from client.tui.cells import fit, shown
from client.tui.completion import Completion, Words, complete
from client.tui.gate import content
from client.tui.keys import know_alt_enter
from client.tui.layout import words_of
from client.tui.popup import Popup
from client.tui.recall import Recall
from client.tui.typed import LARGEST, TOO_LONG, hint_about, size_of
from client.view import Entry

HOW_TO_QUIT = "Ctrl+Q quits; so does the same key again"
TO_THINK = 5.0  # seconds for which that is said, and so


class Secret(Input):
    """For what is hidden. Enter (Esc and Ctrl+C, with nothing) gives it in its turn, before keys behind it are taken in."""

    def __init__(self, give: Callable[[str], None], stop: Callable[[], None]) -> None:
        super().__init__(password=True, select_on_focus=False)
        self._give = give
        self._stop = stop

    async def _on_key(self, event: events.Key) -> None:
        if event.key in ("escape", "ctrl+c") or (event.key == "enter" and self.value):
            event.stop()
            event.prevent_default()
            self._give(self.value if event.key == "enter" else "")
            if event.key == "ctrl+c":
                self._stop()
        elif event.key != "enter":
            await super()._on_key(event)


class Typed(NamedTuple):
    """Enter was pressed. `secret`: it answers `ask_secret` ("" where Esc was pressed)."""

    text: str
    secret: bool = False


class Composer(Vertical):
    """Where one types. `words` gives what can be completed, `keeps_secret` what is not to be recalled.

    `take` has what was typed at once: a message of Textual's comes a turn later, when keys that were pressed behind Enter may have
    brought another room to the front. Where it gives False, the text stays where it was typed.
    """

    DEFAULT_CSS = """
    Composer { height: auto; max-height: 18; background: $surface; }
    Composer Area { height: auto; max-height: 6; min-height: 1; border: none; padding: 0 1; background: $surface; }
    Composer Area:focus { border: none; }
    Composer Input { display: none; height: 1; border: none; padding: 0 1; background: $surface; }
    Composer Input:focus { border: none; }
    Composer #hint { display: none; height: auto; max-height: 3; padding: 0 1; color: $text-muted; }
    Composer.-secret Area { display: none; }
    Composer.-secret Input { display: block; }
    Composer.-secret #hint { height: auto; max-height: 5; }
    Composer.-hinting #hint { display: block; }
    """

    class Changed(Message):
        """Something was typed (and no secret)."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class ReplyDropped(Message):
        """Esc was pressed while a reply was being written."""

    class Interrupted(Message):
        """Ctrl+C or Ctrl+D was pressed with nothing typed, a second time."""

    class Escaped(Message):
        """Esc was pressed, and there was nothing to close here."""

    def __init__(
        self,
        take: Callable[[Typed], bool | None],
        words: Callable[[], Words] = Words,
        keeps_secret: Callable[[str], bool] = lambda _: False,
        *,
        recall: Recall | None = None,
        placeholder: str = "",
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._give = take
        self._words = words
        self._keeps_secret = keeps_secret
        self._recall = recall or Recall()
        self._reply: Entry | None = None
        self._prompt = self._way_out = ""
        self._complaint = ""
        know_alt_enter()
        self.popup = Popup()
        self.area = Area(self, placeholder)

    def compose(self) -> ComposeResult:
        """The popup, the input (or that for a secret), the hint."""
        yield self.popup
        yield self.area
        yield Secret(self.submit_secret, self.stop)
        yield Static("", id="hint", markup=False)

    # --- for the app ---

    @property
    def text(self) -> str:
        """What is being typed; never a secret."""
        return self.area.text

    @property
    def asks_secret(self) -> bool:
        """Whether what is typed now is hidden."""
        return self.has_class("-secret")

    def load(self, text: str) -> None:
        """Puts a text into the input, the cursor behind it: a draft."""
        self._put(text)
        self._recall.reset()

    def replying(self, entry: Entry | None) -> None:
        """Shows which message is being answered; None: none."""
        self._reply = entry
        self._show_hint()

    def ask_secret(self, prompt: str | None, way_out: str = "Esc leaves it") -> None:
        """What is typed is hidden, kept nowhere, and submitted as a secret, until this is called with None."""
        field = self.query_one(Secret)
        field.value = ""
        self._prompt, self._way_out = prompt or "", way_out
        had_focus = self.has_focus_within
        self.set_class(prompt is not None, "-secret")
        self.popup.close()
        if had_focus:
            self.focus_input()
        self._show_hint()

    def focus_input(self) -> None:
        """Takes the focus."""
        (self.query_one(Secret) if self.asks_secret else self.area).focus()

    # --- typing ---

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Something was typed, or put in."""
        event.stop()
        self._complaint = ""
        if self.popup.is_open:
            self._offer()
        self._show_hint()
        if self.area.touched:
            self.area.touched = False
            self.post_message(self.Changed(self.text))

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        """The cursor has moved: another word may be meant."""
        event.stop()
        if self.popup.is_open:
            self._offer()

    def on_resize(self) -> None:
        """The hint is cut to the width."""
        self._show_hint()

    def submit(self) -> None:
        """Sends what is typed."""
        text = self.area.text
        if not text.strip():
            return
        if size_of(text) > LARGEST:
            self.complain(TOO_LONG)
            return
        if self._keeps_secret(text):
            self._recall.reset()
        else:
            self._recall.add(text)
        self._put("")
        if self._give(Typed(text)) is False:
            self._put(text)

    def submit_secret(self, text: str) -> None:
        """Sends a secret; "": none."""
        self.query_one(Secret).value = ""
        self._give(Typed(text, secret=True))

    def recall(self, step: int) -> bool:
        """Brings back what was typed before (-1) or after; False where there is nothing."""
        text = self._recall.older(self.text) if step < 0 else self._recall.newer()
        if text is None:
            return False
        self._put(text)
        return True

    def interrupt(self) -> None:
        """Ctrl+C: copies what is selected, else clears what is typed (up brings it back); with nothing there, see `stop`."""
        selected = self.area.selected_text or self.screen.get_selected_text()
        if selected:
            self.app.copy_to_clipboard(selected)
            self.screen.clear_selection()
            self.area.selection = Selection.cursor(self.area.cursor_location)
        elif self.text:
            if self.text.strip() and not self._keeps_secret(self.text):
                self._recall.add(self.text)
            self.load("")
            self.post_message(self.Changed(""))
        else:
            self.stop()

    def stop(self) -> None:
        """Ctrl+C and Ctrl+D, where nothing is typed: says how to quit; again, while that is said: tells who quits."""
        if self._complaint == HOW_TO_QUIT:
            self.complain("")
            self.post_message(self.Interrupted())
        else:
            self.complain(HOW_TO_QUIT)
            self.set_timer(TO_THINK, self._calm)

    def _calm(self) -> None:
        if self._complaint == HOW_TO_QUIT:
            self.complain("")

    def escape(self) -> None:
        """Closes what is open, one thing at a time."""
        self.screen.clear_selection()
        if self.popup.is_open:
            self.popup.close()
        elif self._reply is not None:
            self.replying(None)
            self.post_message(self.ReplyDropped())
        else:
            self.post_message(self.Escaped())

    def complain(self, sentence: str) -> None:
        """Says something about what was typed, until more is typed."""
        self._complaint = sentence
        self._show_hint()

    def _put(self, text: str) -> None:
        self.popup.close()
        self.area.load_text(text)
        self.area.touched = False
        self.area.move_cursor(self.area.document.end)

    def on_input_changed(self, event: Input.Changed) -> None:
        """A secret is told to nobody."""
        event.stop()

    def _show_hint(self) -> None:
        text = self._hint()
        self.set_class(bool(text), "-hinting")
        self.query_one("#hint", Static).update(content(text))

    def _hint(self) -> str:
        if self._complaint:
            return self._complaint
        if self.asks_secret:
            return f"{self._prompt.rstrip()} (hidden; Enter sends it, {self._way_out})"
        if self._reply is not None:
            ends = " · Esc ends it"
            return fit(f"replying to {shown(words_of(self._reply))}", max(self.size.width - 2 - len(ends), 20)) + ends
        return hint_about(self.text)

    # --- completing ---

    def tab(self, step: int = 1) -> None:
        """Completes the word before the cursor, or goes through what is offered."""
        if self.popup.is_open:
            self.popup.move(step)
            return
        found = self._completion()
        if found is None:
            return
        if len(found.choices) == 1:
            self._take(found, found.choices[0].text)
        else:
            if found.common:
                self._take(found, found.common)
            self._offer()

    def take_choice(self) -> None:
        """Puts what is chosen in place of the word."""
        found, choice = self._completion(), self.popup.chosen
        self.popup.close()
        if found is not None and choice is not None:
            self._take(found, choice.text)

    def on_popup_taken(self, event: Popup.Taken) -> None:
        """One was clicked."""
        event.stop()
        self.take_choice()
        self.area.focus()

    def _offer(self) -> None:
        found = self._completion()
        self.popup.offer(found.choices if found else ())

    def _completion(self) -> Completion | None:
        return complete(self.text, self.area.index, self._words())

    def _take(self, found: Completion, text: str) -> None:
        self.area.put(found.start, found.end, text)
