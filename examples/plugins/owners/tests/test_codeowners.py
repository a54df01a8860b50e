import pytest

from codeowners import CodeOwners

# Pattern, path, whether it matches: by the examples of GitHub's documentation.
CASES = [
    ("*", "a/b.py", True),
    ("*.js", "a/b.js", True),
    ("*.js", "a/b.jsx", False),
    ("/build/logs/", "build/logs/a/b.log", True),
    ("/build/logs/", "a/build/logs/b.log", False),
    ("docs/*", "docs/a.md", True),
    ("docs/*", "docs/build/a.md", False),
    ("apps/", "x/apps/a/b.py", True),
    ("apps/", "apps", False),
    ("/docs/", "docs/a.md", True),
    ("/scripts", "scripts/a/b.sh", True),
    ("**/logs", "build/logs/a.log", True),
    ("**/logs", "logs/a.log", True),
    ("/apps/**", "apps/a/b.py", True),
    ("a/**/b.py", "a/x/y/b.py", True),
    ("a/**/b.py", "a/b.py", True),
    ("tests/test_?.py", "tests/test_a.py", True),
    ("tests/test_?.py", "tests/test_ab.py", False),
    (r"my\ file.txt", "my file.txt", True),
    ("a.b", "axb", False),
]


@pytest.mark.parametrize(("pattern", "path", "matches"), CASES)
def test_patterns_match_as_documented(pattern: str, path: str, matches: bool) -> None:
    assert bool(CodeOwners(f"{pattern} @a").of(path)) is matches


def test_the_last_match_counts_and_may_have_no_owner() -> None:
    owners = CodeOwners("* @all # everybody\n\n# a comment\n[Section]\n/docs/ @docs a@example.org\n/docs/free.md\n")
    assert owners.of("a.py") == ("@all",)
    assert owners.of("docs/a.md") == ("@docs", "a@example.org")
    assert owners.of("docs/free.md") == ()
