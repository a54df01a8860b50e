//! Failures that are the infrastructure's are LOW, and tagged `infra`; all else is left to the next policy.
//!
//! A failure is the infrastructure's by its type (`ConnectionRefusedError`) or by what it says (`connection reset`).
//! A test counts as such where all of its failures do: one assertion among them may be a bug.

use flaky_plugin_sdk::{
    Category, Evidence, FailureGroup, Manifest, Plugin, Policy, Result, Settings, Severity, Verdict,
};
use serde::Deserialize;

/// What the user can set, by the schema in `describe`.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Infrastructure {
    /// Types of exceptions, in any spelling: the last part of a qualified name counts.
    kinds: Vec<String>,
    /// Parts of messages, whatever the case.
    words: Vec<String>,
}

impl Default for Infrastructure {
    fn default() -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            kinds: owned(&[
                "ConnectionRefusedError",
                "ConnectionResetError",
                "BrokenPipeError",
                "UnknownHostException",
            ]),
            words: owned(&[
                "connection refused",
                "connection reset",
                "temporary failure in name resolution",
                "no space left on device",
                "503 service unavailable",
            ]),
        }
    }
}

impl Plugin for Infrastructure {
    fn describe() -> Manifest {
        Manifest::new(
            "infrastructure",
            env!("CARGO_PKG_VERSION"),
            "failures of the infrastructure are LOW, and tagged",
        )
        .settings_schema(
            r#"{
                "type": "object",
                "properties": {
                    "kinds": { "type": "array", "items": { "type": "string", "minLength": 1 } },
                    "words": { "type": "array", "items": { "type": "string", "minLength": 1 } }
                },
                "additionalProperties": false
            }"#,
        )
    }

    fn configure(&mut self, settings: &Settings<'_>) -> Result<()> {
        *self = settings.read()?;
        for word in &mut self.words {
            *word = word.to_lowercase();
        }
        Ok(())
    }
}

impl Policy for Infrastructure {
    fn classify(&self, batch: &[Evidence]) -> Result<Vec<Option<Verdict>>> {
        Ok(batch.iter().map(|test| self.judge(test)).collect())
    }
}

impl Infrastructure {
    fn judge(&self, test: &Evidence) -> Option<Verdict> {
        let all = !test.groups.is_empty() && test.groups.iter().all(|group| self.is_ours(group));
        all.then(|| Verdict {
            category: Category::Flaky,
            severity: Severity::Low,
            confidence: 0.9,
            reason: format!(
                "all {} failures in {} attempts are the infrastructure's",
                test.failures, test.counts.ran
            ),
            tags: vec![("cause".into(), "infra".into())],
        })
    }

    fn is_ours(&self, group: &FailureGroup) -> bool {
        let kind = group.kind.rsplit(['.', ':', '\\']).next().unwrap_or_default();
        let message = group.message.to_lowercase();
        self.kinds.iter().any(|known| known == kind) || self.words.iter().any(|word| message.contains(word))
    }
}

flaky_plugin_sdk::export!(Infrastructure: policy);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_messages_tell() {
        let policy = Infrastructure::default();
        for (kind, message, ours) in [
            ("java.net.UnknownHostException", "db", true),
            ("OperationalError", "could not connect: Connection refused", true),
            ("UnknownHostExceptionTest", "db", false),
            ("AssertionError", "assert 1 == 2", false),
        ] {
            let group = FailureGroup {
                fingerprint: String::new(),
                count: 1,
                kind: kind.into(),
                message: message.into(),
                trace: String::new(),
            };
            assert_eq!(policy.is_ours(&group), ours, "{kind}: {message}");
        }
    }
}
