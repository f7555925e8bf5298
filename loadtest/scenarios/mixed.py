"""What a chat looks like: most only read, some talk, a few come and go."""

from __future__ import annotations

from loadtest.scenarios.churn import Churn


class Mixed(Churn):
    """Of the members, `--chat` percent talk and `--churn` percent come and go."""

    @property
    def _all(self) -> int:
        return self.settings.rooms * self.settings.members

    @property
    def visitors(self) -> int:
        return min(round(self._all * self.settings.churn / 100), self._all - self.settings.rooms)

    @property
    def users(self) -> int:
        return self._all

    @property
    def senders(self) -> int:
        return max(min(round(self.settings.members * self.settings.chat / 100), self.settings.members), 1)

    def describe(self) -> str:
        s = self.settings
        return (
            f"{s.rooms} rooms of {s.members}: {100 - s.chat - s.churn:g} % read, {s.chat:g} % talk ({s.rate:g} messages/s in each"
            f" room), {s.churn:g} % come and go ({self.visit_rate:.3g} visits/s)"
        )
