//! What GitLab does not show of a code-quality report, from docs.gitlab.com, "Code Quality", report format.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Refusal;

/// Checks a report.
///
/// # Errors
/// The first entry that GitLab would leave out.
pub fn check(report: &Value) -> Result<(), Refusal> {
    let entries = report.as_array().ok_or_else(|| Refusal::new("invalid_report", "not a list"))?;
    let mut fingerprints = BTreeSet::new();
    for entry in entries {
        let text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
        for key in ["description", "check_name", "fingerprint"] {
            if !text(&entry[key]) {
                return Err(Refusal::new("invalid_entry", format!("`{key}` is missing in {entry}")));
            }
        }
        let severity = entry["severity"].as_str().unwrap_or_default();
        if !["info", "minor", "major", "critical", "blocker"].contains(&severity) {
            return Err(Refusal::new("invalid_entry", format!("severity `{severity}`")));
        }
        let path = entry["location"]["path"].as_str().unwrap_or_default();
        if path.is_empty() || path.starts_with('/') || path.starts_with("./") || path.contains("..") {
            return Err(Refusal::new("invalid_entry", format!("path `{path}`")));
        }
        if entry["location"]["lines"]["begin"].as_u64().is_none_or(|line| line == 0) {
            return Err(Refusal::new("invalid_entry", "no line"));
        }
        if !fingerprints.insert(entry["fingerprint"].as_str()) {
            return Err(Refusal::new("invalid_entry", format!("fingerprint {} twice", entry["fingerprint"])));
        }
    }
    Ok(())
}
