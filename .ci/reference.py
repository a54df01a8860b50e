#!/usr/bin/env python3
"""The configuration reference, made of the JSON Schema that is made of the types: `.ci/reference.py`, `--check` in CI."""

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "docs/schema/config.schema.json"
PAGE = ROOT / "docs/configuration-reference.md"
BY_HAND = ROOT / "docs/configuration.md"
HEAD = """\
# Configuration reference

Every key of `.flaky-detector.yml`, made of [the schema](schema/config.schema.json) by `.ci/reference.py`. What the keys do together, with
examples, is in [configuration.md](configuration.md).
"""

Schema = dict[str, Any]


class Reference:
    """Writes parts of one schema as Markdown."""

    def __init__(self, schema: Schema) -> None:
        self.definitions: Schema = schema["$defs"]

    def resolved(self, part: Schema) -> Schema:
        """What a part says, with what it refers to below it: its own words win."""
        if name := part.get("$ref"):
            return {**self.resolved(self.definitions[name.rsplit("/", 1)[1]]), **part, "$ref": None}
        choices = [choice for choice in part.get("anyOf", []) if choice.get("type") != "null"]
        if len(choices) == 1:
            return {**self.resolved(choices[0]), **part, "anyOf": None, "$ref": None}
        return part

    def words(self, part: Schema) -> list[Schema]:
        """The closed words that it may be, with what each means."""
        said = [{"const": word} for word in part.get("enum", [])]
        return said + [choice for choice in part.get("oneOf") or [] if "const" in choice]

    def kind(self, part: Schema) -> str:
        """What it may be, in a few words."""
        part = self.resolved(part)
        if words := self.words(part):
            return ", ".join(f"`{word['const']}`" for word in words)
        if choices := [choice for choice in part.get("anyOf") or [] if choice.get("type") != "null"]:
            kinds = dict.fromkeys(self.kind(choice) for choice in choices)
            return ", or ".join(kinds)
        kinds = [kind for kind in self.types(part) if kind != "null"]
        return ", or ".join(self.simple(kind, part) for kind in kinds) or "anything"

    @staticmethod
    def types(part: Schema) -> list[str]:
        kinds = part.get("type", [])
        return [kinds] if isinstance(kinds, str) else kinds

    def simple(self, kind: str, part: Schema) -> str:
        if kind == "array":
            return f"list of: {self.kind(part.get('items', {}))}"
        if kind == "object":
            values = part.get("additionalProperties")
            return f"map of names to: {self.kind(values)}" if isinstance(values, dict) else "map"
        name = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", "string": "text"}[kind]
        return name + self.bounds(part) if kind in ("integer", "number") else name

    @staticmethod
    def bounds(part: Schema) -> str:
        low, high = part.get("minimum", part.get("exclusiveMinimum")), part.get("maximum", part.get("exclusiveMaximum"))
        if low is not None and high is not None:
            between = " (both excluded)" if "exclusiveMinimum" in part else ""
            return f" from {low} to {high}{between}"
        return f" from {low}" if low else ""

    def maps(self, part: Schema) -> list[Schema]:
        """The maps that a value of this key is or holds, which have keys of their own."""
        part = self.resolved(part)
        found = [part] if part.get("properties") else []
        values = part.get("additionalProperties")
        inner = [*(part.get("anyOf") or []), part.get("items"), values]
        return found + [below for choice in inner if choice and isinstance(choice, dict) for below in self.maps(choice)]

    def section(self, key: str, part: Schema) -> str:
        whole = self.resolved(part)
        lines = [f"## `{key}`", "", one_line(part.get("description") or whole.get("description", "")), ""]
        lines += ["| | |", "|---|---|", f"| Type | {self.kind(part)} |"]
        if "default" in whole:
            lines.append(f"| Default | `{json.dumps(whole['default'])}` |")
        meanings = [word for word in self.words(whole) if word.get("description")]
        for word in meanings:
            lines.append(f"| `{word['const']}` | {one_line(word['description'])} |")
        for holder in self.maps(part):
            lines += ["", "As a map:", "", "| Key | Type | Default | |", "|---|---|---|---|"]
            for name, inner in holder["properties"].items():
                default = self.resolved(inner).get("default")
                shown = f"`{json.dumps(default)}`" if default is not None else "required" if name in holder.get("required", []) else ""
                text = one_line(inner.get("description") or self.resolved(inner).get("description", ""))
                lines.append(f"| `{name}` | {self.kind(inner)} | {shown} | {text} |")
        return "\n".join(lines)


def one_line(text: str) -> str:
    """Without line ends, and without links into the code."""
    return re.sub(r"\[(`[^`]+`)\]\([^)]*::[^)]*\)", r"\1", " ".join(text.split())).replace("|", "\\|")


def page(schema: Schema) -> str:
    reference = Reference(schema)
    sections = [reference.section(key, part) for key, part in sorted(schema["properties"].items())]
    return "\n\n".join([HEAD.rstrip(), *sections]) + "\n"


def main() -> None:
    schema = json.loads(SCHEMA.read_text())
    made = page(schema)
    if "--check" not in sys.argv:
        PAGE.write_text(made)
    elif not PAGE.exists() or PAGE.read_text() != made:
        sys.exit(f"{PAGE.relative_to(ROOT)} is stale\nhint: .ci/reference.py")
    written = BY_HAND.read_text()
    if missing := [key for key in schema["properties"] if f"`{key}`" not in written]:
        sys.exit(f"{BY_HAND.relative_to(ROOT)} does not name {', '.join(missing)}")
    print(f"{len(schema['properties'])} keys")


if __name__ == "__main__":
    main()
