#!/usr/bin/env python3
"""Checks what can be checked about documents and scripts: relative links lead somewhere, Python parses."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def tracked(*patterns: str) -> list[Path]:
    """Files that are in the repository or could be: neither built nor ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def dead_links(page: Path) -> list[str]:
    targets = [t for t in LINK.findall(page.read_text()) if "://" not in t and not t.startswith("mailto:")]
    return [f"{page.relative_to(ROOT)}: `{t}` leads nowhere" for t in targets if not (page.parent / t).exists()]


def syntax_errors(script: Path) -> list[str]:
    try:
        ast.parse(script.read_text(), filename=str(script))
    except SyntaxError as error:
        return [f"{script.relative_to(ROOT)}:{error.lineno}: {error.msg}"]
    return []


def main() -> None:
    # What the Markdown reporter must render harmless holds links that lead nowhere on purpose.
    pages, scripts = tracked("*.md", ":!plugins/*/tests/expected/*"), tracked("*.py")
    problems = [text for page in pages for text in dead_links(page)]
    problems += [text for script in scripts for text in syntax_errors(script)]
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(pages)} pages and {len(scripts)} scripts")


if __name__ == "__main__":
    main()
