//! `--state FILE`: the result that was told last, so that nobody is told the same twice.

use std::io::Read;
use std::path::{Path, PathBuf};

use flaky_core::surroundings::EarlierResult;
use serde::{Deserialize, Serialize};

use crate::error::DeliveryError;
use crate::files;
use crate::slack::Message;

/// Version of [`Written`].
const VERSION: u32 = 1;
/// Messages that are kept, newest last: one for each of the pull requests that are open at a time.
const MOST_MESSAGES: usize = 100;
/// Largest file: one result has a few thousand bytes.
const MOST_READ: u64 = 1 << 20;

/// The file, and what it said.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    last: Option<EarlierResult>,
    messages: Vec<Message>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<EarlierResult>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
}

/// Why a state file is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It cannot be read.
    #[error("`{}` cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("`{}` is not a state file of this version: {why}; remove it to begin anew", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl State {
    /// Reads the file; one that is not there yet is as good.
    ///
    /// # Errors
    /// When it cannot be read, or is something else.
    pub fn read(path: &Path) -> Result<Self, StateError> {
        let mut bytes = Vec::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(MOST_READ).read_to_end(&mut bytes));
        let (last, messages) = match read {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (None, Vec::new()),
            Err(source) => return Err(StateError::Read { path: path.to_owned(), source }),
            Ok(_) => {
                let content = |why: String| StateError::Content { path: path.to_owned(), why };
                let written: Written = serde_json::from_slice(&bytes).map_err(|e| content(e.to_string()))?;
                if written.version != VERSION {
                    return Err(content(format!("version {}", written.version)));
                }
                (written.last, written.messages)
            }
        };
        Ok(Self { path: path.to_owned(), last, messages })
    }

    /// What was told last.
    #[must_use]
    pub const fn last(&self) -> Option<&EarlierResult> {
        self.last.as_ref()
    }

    /// Messages that may be changed.
    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Remembers these messages, and this result; without one, the last that was told. Whole or not at all.
    pub(crate) fn remember(
        &self,
        result: Option<&EarlierResult>,
        mut messages: Vec<Message>,
    ) -> Result<(), DeliveryError> {
        messages.drain(..messages.len().saturating_sub(MOST_MESSAGES));
        let last = result.or(self.last.as_ref()).cloned();
        let written = Written { version: VERSION, last, messages };
        let failed = |source| DeliveryError::Write { path: self.path.clone(), source };
        let mut bytes = serde_json::to_vec(&written).map_err(|e| failed(e.into()))?;
        bytes.push(b'\n');
        files::to_file(&self.path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use flaky_core::verdict::Category;

    use super::*;

    #[test]
    fn what_is_remembered_is_read_again_and_anything_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let state = State::read(&path).unwrap();
        assert!(state.last().is_none() && !path.exists());
        let result = EarlierResult {
            run: "r1".into(),
            suite: None,
            commit: None,
            verdict: Category::Broken,
            severity: None,
            total_runs: 3,
            failures: 3,
            tests: vec![("a".into(), Category::Broken)],
        };
        let message = |n: usize| Message {
            about: format!("pull {n}"),
            asked: "#ci".into(),
            channel: "C1".into(),
            ts: n.to_string(),
        };
        state.remember(Some(&result), (0..=MOST_MESSAGES).map(message).collect()).unwrap();
        let read = State::read(&path).unwrap();
        assert_eq!((read.last(), read.messages().len()), (Some(&result), MOST_MESSAGES));
        assert_eq!(read.messages().last(), Some(&message(MOST_MESSAGES)));
        // What was told last stays when nothing was told.
        read.remember(None, Vec::new()).unwrap();
        let read = State::read(&path).unwrap();
        assert_eq!((read.last(), read.messages().len()), (Some(&result), 0));
        for other in ["", "{}", "[]", r#"{"version":2}"#] {
            std::fs::write(&path, other).unwrap();
            assert!(matches!(State::read(&path), Err(StateError::Content { .. })), "{other}");
        }
        assert!(matches!(State::read(folder.path()), Err(StateError::Read { .. })));
    }
}
