//! Failures that are all the infrastructure's are LOW, and tagged `cause=infra`; all else is left to the next policy.

use flaky_plugin_sdk::{Category, Evidence, Manifest, Plugin, Policy, Result, Settings, Severity, Verdict};
use serde::Deserialize;

/// What the user can set, by the schema in `describe`.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Infrastructure {
    /// A failure with one of these in its message, whatever the case, is the infrastructure's.
    words: Vec<String>,
}

impl Default for Infrastructure {
    fn default() -> Self {
        Self { words: ["connection refused", "timed out waiting for"].map(str::to_owned).to_vec() }
    }
}

impl Plugin for Infrastructure {
    fn describe() -> Manifest {
        Manifest::new("{{name}}", env!("CARGO_PKG_VERSION"), "failures of the infrastructure are LOW").settings_schema(
            r#"{
                "type": "object",
                "properties": { "words": { "type": "array", "items": { "type": "string", "minLength": 1 } } },
                "additionalProperties": false
            }"#,
        )
    }

    fn configure(&mut self, settings: &Settings<'_>) -> Result<()> {
        *self = settings.read()?;
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
        let all = !test.groups.is_empty() && test.groups.iter().all(|group| self.is_ours(&group.message));
        all.then(|| Verdict {
            category: Category::Flaky,
            severity: Severity::Low,
            confidence: 0.9,
            reason: format!("all {} failures in {} attempts are the infrastructure's", test.failures, test.counts.ran),
            tags: vec![("cause".into(), "infra".into())],
        })
    }

    fn is_ours(&self, message: &str) -> bool {
        let message = message.to_lowercase();
        self.words.iter().any(|word| message.contains(&word.to_lowercase()))
    }
}

flaky_plugin_sdk::export!(Infrastructure: policy);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_their_case() {
        let policy = Infrastructure::default();
        assert!(policy.is_ours("could not connect to server: Connection refused"));
        assert!(!policy.is_ours("assert 1 == 2"));
    }
}
