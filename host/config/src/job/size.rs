//! How large a value is that somebody else's reader made.

use serde_json::{Map, Value};

use super::JobError;

/// Deepest level taken. A job has four; settings of plugins may have more.
const MAX_DEPTH: usize = 32;

/// Bytes that a number, a truth value, a comma or a pair of brackets counts for.
const SMALL: u64 = 2;

/// Refuses what is larger than `limit` bytes as JSON text, or nested too deep. Does not recurse.
pub(super) fn check(object: &Map<String, Value>, limit: u64) -> Result<(), JobError> {
    let mut bytes = 0_u64;
    let mut open: Vec<(&Value, usize)> = Vec::new();
    let key_bytes = |key: &String| key.len() as u64 + SMALL;
    for (key, value) in object {
        bytes = bytes.saturating_add(key_bytes(key));
        open.push((value, 2));
    }
    while let Some((value, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            return Err(JobError::TooDeep { limit: MAX_DEPTH });
        }
        let own = match value {
            Value::String(text) => text.len() as u64 + SMALL,
            Value::Array(items) => {
                open.extend(items.iter().map(|item| (item, depth + 1)));
                SMALL
            }
            Value::Object(entries) => {
                open.extend(entries.values().map(|value| (value, depth + 1)));
                entries.keys().map(key_bytes).fold(SMALL, u64::saturating_add)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => SMALL,
        };
        bytes = bytes.saturating_add(own);
        if bytes > limit {
            return Err(JobError::TooLarge { limit });
        }
    }
    Ok(())
}
