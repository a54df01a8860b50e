"""Failures that are all the infrastructure's are LOW, and tagged `cause=infra`; all else is left to the next policy."""

from flaky_plugin_sdk import Category, Evidence, JsonObject, Manifest, Policy, Severity, Verdict

WORDS = ["connection refused", "timed out waiting for"]


class Plugin(Policy):
    manifest = Manifest(
        "{{name}}",
        "0.1.0",
        "failures of the infrastructure are LOW",
        settings_schema={
            "type": "object",
            "properties": {"words": {"type": "array", "items": {"type": "string", "minLength": 1}}},
            "additionalProperties": False,
        },
    )

    def configure(self, settings: JsonObject) -> None:
        # A failure with one of these in its message, whatever the case, is the infrastructure's.
        self.words = [str(word).lower() for word in settings.get("words", WORDS)]

    def judge(self, test: Evidence) -> Verdict | None:
        if not test.groups or not all(self.is_ours(group.message) for group in test.groups):
            return None
        return Verdict(
            Category.FLAKY,
            Severity.LOW,
            f"all {test.failures} failures in {test.counts.ran} attempts are the infrastructure's",
            confidence=0.9,
            tags=[("cause", "infra")],
        )

    def is_ours(self, message: str) -> bool:
        return any(word in message.lower() for word in self.words)
