"""What a plugin is: a class with a manifest and one or more roles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

from .contract import (
    Delivery,
    Evidence,
    JsonObject,
    Manifest,
    ParsedAttempt,
    RenderContext,
    RunSummary,
    Verdict,
)
from .inputs import Attempt
from .report import Report


class Plugin(ABC):
    """Every plugin. The host makes a new one for each call, so nothing that is kept in it lives on."""

    manifest: ClassVar[Manifest]
    """Who it is and what it asks for."""

    def configure(self, settings: JsonObject) -> None:  # noqa: B027 (most plugins take no settings)
        """Takes the settings, before anything else is asked. They are valid against the manifest's schema; what a
        schema cannot say is checked here, with a `PluginError`."""


class Policy(Plugin):
    """Judges the numbers. Overrides `judge`, or `classify` where tests are judged together."""

    def judge(self, test: Evidence) -> Verdict | None:
        """The verdict of one test; `None` leaves it to the next policy."""
        return None

    def classify(self, batch: Sequence[Evidence]) -> list[Verdict | None]:
        """One answer for each test, in order."""
        return [self.judge(test) for test in batch]

    def summarise(self, run: RunSummary) -> Verdict | None:
        """The verdict of the run as a whole; `None` leaves it to the next policy."""
        return None


class Parser(Plugin):
    """Reads what a framework printed or wrote."""

    @abstractmethod
    def parse(self, attempt: Attempt) -> ParsedAttempt:
        """An outcome for each test. `ParsedAttempt()` says that this is none of its formats: the next one is asked."""


class Reporter(Plugin):
    """Turns a finished report into things that the host writes or sends."""

    @abstractmethod
    def render(self, report: Report, context: RenderContext) -> Iterable[Delivery]:
        """What is to be written and sent."""


ROLES: dict[str, type[Plugin]] = {"policy": Policy, "parser": Parser, "reporter": Reporter}
"""By their names in the contract."""


def roles_of(plugin: type[Plugin]) -> list[str]:
    """The roles that a class has, by their names in the contract."""
    return [name for name, role in ROLES.items() if issubclass(plugin, role)]
