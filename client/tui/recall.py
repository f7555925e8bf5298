"""What was typed before, as the up key brings it back, pure."""

from __future__ import annotations

MOST = 500


class Recall:
    """The texts, oldest first, and the one that stands in the input. What was being typed comes back below the newest."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._texts: list[str] = []
        self._at = 0  # which of them is shown; their number: none
        self._typed = ""

    def add(self, text: str) -> None:
        """One that was sent."""
        if text and text not in self._texts[-1:]:
            self._texts.append(text)
            del self._texts[: -self._most]
        self.reset()

    def reset(self) -> None:
        """None is shown."""
        self._at, self._typed = len(self._texts), ""

    def older(self, shown: str) -> str | None:
        """The one before; None where there is none. `shown` is in the input now."""
        if self._at == 0:
            return None
        if self._at == len(self._texts):
            self._typed = shown
        self._at -= 1
        return self._texts[self._at]

    def newer(self) -> str | None:
        """The one after, at last what was being typed; None below that."""
        if self._at == len(self._texts):
            return None
        self._at += 1
        return self._texts[self._at] if self._at < len(self._texts) else self._typed
