"""CODEOWNERS: patterns and who owns what they match; the last match counts.

As GitHub reads them: https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
GitLab's section headings are passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A line with a pattern. Without owners it takes a path out of the lines before it."""

    pattern: re.Pattern[str]
    owners: tuple[str, ...]


class CodeOwners:
    """Who owns which path."""

    def __init__(self, text: str) -> None:
        self._rules = [rule for line in text.splitlines() if (rule := _rule(line)) is not None]

    def of(self, path: str) -> tuple[str, ...]:
        """The owners of a path, relative to the repository's root; none where nobody owns it."""
        for rule in reversed(self._rules):
            if rule.pattern.fullmatch(path):
                return rule.owners
        return ()


def _rule(line: str) -> Rule | None:
    line = re.sub(r"(^|\s)#.*", "", line).strip()
    # A section of GitLab: `[Documentation]`, `^[Optional][2] @owner`.
    if not line or line.startswith(("[", "^[")):
        return None
    pattern, *owners = re.split(r"(?<!\\)\s+", line)
    return Rule(re.compile(_expression(pattern.replace("\\ ", " "))), tuple(owners))


def _expression(pattern: str) -> str:
    """A pattern of gitignore's kind as a regular expression over whole paths."""
    folder = pattern.endswith("/")
    body = pattern.strip("/")
    anchored = pattern.startswith("/") or "/" in body
    # `docs/*` owns the files of the folder alone; `docs` and `docs/` all that is below.
    below = "/.+" if folder else "" if body.endswith("/*") else "(?:/.+)?"
    return ("" if anchored else "(?:.+/)?") + "".join(_piece(p) for p in _PIECES.findall(body)) + below


_PIECES = re.compile(r"\*\*/|/\*\*$|\*\*|\*|\?|[^*?/]+|/")


def _piece(piece: str) -> str:
    known = {"**/": "(?:.+/)?", "/**": "/.+", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return known.get(piece) or re.escape(piece)
