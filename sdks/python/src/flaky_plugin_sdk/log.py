"""Diagnostics of the plugin itself: shown by `flaky run -v`, capped by the host, never fatal.

Outside of a component, lines go to the standard `logging` module, under the name `flaky.plugin`.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable


class Level(enum.Enum):
    """How important a line is."""

    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3


_STANDARD = {
    Level.DEBUG: logging.DEBUG,
    Level.INFO: logging.INFO,
    Level.WARN: logging.WARNING,
    Level.ERROR: logging.ERROR,
}


def _natively(level: Level, message: str) -> None:
    logging.getLogger("flaky.plugin").log(_STANDARD[level], "%s", message)


_write: Callable[[Level, str], None] = _natively


def send_to(write: Callable[[Level, str], None]) -> None:
    """Lines go there from now on."""
    global _write
    _write = write


def debug(message: str) -> None:
    """Of interest to the plugin's author."""
    _write(Level.DEBUG, message)


def info(message: str) -> None:
    """Of interest to who looks closely."""
    _write(Level.INFO, message)


def warn(message: str) -> None:
    """Something is doubtful."""
    _write(Level.WARN, message)


def error(message: str) -> None:
    """Something is wrong."""
    _write(Level.ERROR, message)
