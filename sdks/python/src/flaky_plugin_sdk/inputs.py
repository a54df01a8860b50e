"""Large inputs. The host owns them; a plugin borrows them for one call."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Protocol

from .contract import AttemptInfo, PluginError, ReportFile, Source, Stderr, Stdout, TreeFile

CHUNK = 256 << 10
"""Bytes asked for at once: the host gives no more."""

MOST_BYTES = 16 << 20
"""Largest input that is read whole. A plugin has 128 MiB, and parsed JSON takes five to eight times its text."""

LONGEST_LINE = 1 << 20
"""Bytes kept of one line: a line without an end must not fill the memory."""


class RawBlob(Protocol):
    """What the host lends, or a test."""

    def size(self) -> int: ...

    def cut(self) -> tuple[int, int] | None: ...

    def read(self, offset: int, max: int) -> bytes: ...


class Memory:
    """Bytes at hand, as a host would lend them: `chunk` at a time."""

    def __init__(self, content: bytes, *, cut: tuple[int, int] | None = None, chunk: int = CHUNK) -> None:
        self._content = content
        self._cut = cut
        self._chunk = chunk

    def size(self) -> int:
        return len(self._content)

    def cut(self) -> tuple[int, int] | None:
        return self._cut

    def read(self, offset: int, max: int) -> bytes:
        return self._content[offset : offset + min(max, self._chunk)]


class Blob:
    """Bytes kept by the host, read in chunks."""

    def __init__(self, raw: RawBlob) -> None:
        self._raw = raw

    @property
    def size(self) -> int:
        """Bytes there are."""
        return self._raw.size()

    @property
    def cut(self) -> tuple[int, int] | None:
        """The bytes [from, to) that the host cut out at its own cap; they are not part of `size`."""
        return self._raw.cut()

    def read(self, offset: int, most: int = CHUNK) -> bytes:
        """Up to `most` bytes from `offset`; empty only at or after the end."""
        return self._raw.read(offset, min(most, CHUNK))

    def chunks(self) -> Iterator[bytes]:
        """All bytes, in pieces of any size."""
        offset = 0
        while chunk := self.read(offset):
            yield chunk
            offset += len(chunk)

    def lines(self) -> Iterator[str]:
        """All lines without their ends (`\\n`, `\\r\\n`). Bytes that are not UTF-8 become U+FFFD; of a line that is
        longer than `LONGEST_LINE` bytes the rest is left out."""
        pending = bytearray()
        for chunk in self.chunks():
            first, *rest = chunk.split(b"\n")
            pending += first[: max(0, LONGEST_LINE - len(pending))]
            if not rest:
                continue
            yield _line(bytes(pending))
            for line in rest[:-1]:
                yield _line(line)
            pending = bytearray(rest[-1])
        if pending:
            yield _line(bytes(pending))

    def content(self, most: int = MOST_BYTES) -> bytes:
        """Everything.

        Raises `PluginError` where it is larger than `most` bytes."""
        if self.size > most:
            raise PluginError("input-too-large", f"{self.size} bytes are more than the {most} that this plugin reads")
        return b"".join(self.chunks())

    def text(self, most: int = MOST_BYTES) -> str:
        """Everything as text; bytes that are not UTF-8 become U+FFFD.

        Raises `PluginError` where it is larger than `most` bytes."""
        return self.content(most).decode("utf-8", "replace")

    def json(self, most: int = MOST_BYTES) -> Any:
        """Everything as a JSON document.

        Raises `PluginError` where it is larger than `most` bytes, or no JSON."""
        try:
            return json.loads(self.text(most))
        except (ValueError, RecursionError) as error:
            raise PluginError("invalid-json", str(error)) from error


def _line(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")


class Attempt(ABC):
    """One finished execution of the test command: what ran, how it ended, what it printed and wrote."""

    @property
    @abstractmethod
    def info(self) -> AttemptInfo:
        """What ran and how it ended, and every source there is."""

    @abstractmethod
    def open(self, source: Source) -> Blob | None:
        """The bytes of a source; `None` when the attempt has no such source."""

    @property
    def stdout(self) -> Blob:
        """What the command printed on its standard output."""
        return self.open(Stdout()) or Blob(Memory(b""))

    @property
    def stderr(self) -> Blob:
        """What the command printed on its standard error."""
        return self.open(Stderr()) or Blob(Memory(b""))

    def reports(self) -> Iterator[tuple[str, Blob]]:
        """Files of the report folder that the manifest asked for, with their paths in it."""
        for source in self.info.sources:
            if isinstance(source, ReportFile) and (blob := self.open(source)) is not None:
                yield source.path, blob

    def tree_files(self) -> Iterator[tuple[str, Blob]]:
        """Files of the work tree that the manifest asked for and the attempt wrote, with their paths in it."""
        for source in self.info.sources:
            if isinstance(source, TreeFile) and (blob := self.open(source)) is not None:
                yield source.path, blob
