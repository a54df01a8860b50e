"""Who owns a test decides how bad it is when it fails.

There is no file system here: the text of CODEOWNERS comes by the settings.
"""

from __future__ import annotations

import re

from flaky_plugin_sdk import Category, Evidence, JsonObject, Manifest, PluginError, Policy, Severity, Verdict

from codeowners import CodeOwners

SEVERITIES = {severity.name: severity for severity in Severity}

BROKEN_BELOW = 0.2
"""A test is broken when its pass rate is surely below this; flaky's own default."""


class Owners(Policy):
    manifest = Manifest(
        "owners",
        "1.0.0",
        "who owns a test decides its severity",
        settings_schema={
            "type": "object",
            "properties": {
                "codeowners": {"type": "string", "maxLength": 3_000_000},
                "severity": {
                    "type": "object",
                    "additionalProperties": {"enum": [*SEVERITIES]},
                },
                "otherwise": {"enum": [*SEVERITIES]},
            },
            "required": ["codeowners", "severity"],
            "additionalProperties": False,
        },
    )

    def configure(self, settings: JsonObject) -> None:
        try:
            self.owners = CodeOwners(settings["codeowners"])
        except re.error as error:
            raise PluginError("invalid-codeowners", f"a pattern cannot be used: {error}") from error
        self.severity = {owner: SEVERITIES[word] for owner, word in settings["severity"].items()}
        self.otherwise = SEVERITIES.get(settings.get("otherwise", ""))

    def judge(self, test: Evidence) -> Verdict | None:
        """Stable and undecided tests, and those of nobody named, are left to the next policy."""
        owners = self.owners.of(file_of(test.id))
        named = [self.severity[owner] for owner in owners if owner in self.severity]
        severity = max(named, default=self.otherwise)
        if not test.failures or severity is None:
            return None
        category = Category.BROKEN if test.bounds.pass_at_most < BROKEN_BELOW else Category.FLAKY
        whose = ", ".join(owners) or "nobody"
        return Verdict(
            category,
            severity,
            f"failed {test.failures} of {test.counts.ran}, owned by {whose}",
            confidence=test.interval.level,
            tags=[("owner", owner) for owner in owners],
        )


def file_of(id: str) -> str:
    """The file that a test's id begins with: `tests/a.py::test_b`, `src/a.test.js > b`."""
    return re.split(r"::| > ", id, maxsplit=1)[0]
