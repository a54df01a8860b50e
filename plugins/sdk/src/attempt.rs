//! One finished execution of the test command.

use crate::bindings::shared::flaky::plugin::inputs;
use crate::native::Recorded;
use crate::{AttemptInfo, Blob, Source};

/// One finished execution of the test command: what ran, how it ended, what it printed and wrote.
#[derive(Debug)]
pub struct Attempt<'a> {
    info: AttemptInfo,
    from: From<'a>,
}

#[derive(Debug)]
enum From<'a> {
    Host(&'a inputs::Attempt),
    Memory(&'a Recorded),
}

impl<'a> Attempt<'a> {
    pub(crate) fn lent(attempt: &'a inputs::Attempt) -> Self {
        Self { info: attempt.info(), from: From::Host(attempt) }
    }

    pub(crate) fn of(recorded: &'a Recorded) -> Self {
        Self { info: recorded.info(), from: From::Memory(recorded) }
    }

    /// What ran and how it ended, and every source there is.
    #[must_use]
    pub fn info(&self) -> &AttemptInfo {
        &self.info
    }

    /// The bytes of a source; `None` when the attempt has no such source.
    #[must_use]
    pub fn open(&self, source: &Source) -> Option<Blob<'a>> {
        match self.from {
            From::Host(attempt) => attempt.open(source).map(Blob::owned),
            From::Memory(recorded) => recorded.open(source),
        }
    }

    /// What the command printed on its standard output.
    #[must_use]
    pub fn stdout(&self) -> Blob<'a> {
        self.open(&Source::Stdout).unwrap_or_else(Blob::empty)
    }

    /// What the command printed on its standard error.
    #[must_use]
    pub fn stderr(&self) -> Blob<'a> {
        self.open(&Source::Stderr).unwrap_or_else(Blob::empty)
    }

    /// Files of the report folder that the manifest asked for, with their paths in it.
    pub fn reports(&self) -> impl Iterator<Item = (&str, Blob<'a>)> {
        self.info.sources.iter().filter_map(|source| match source {
            Source::Report(path) => Some((path.as_str(), self.open(source)?)),
            _ => None,
        })
    }

    /// Files of the work tree that the manifest asked for and the attempt wrote, with their paths in it.
    pub fn tree_files(&self) -> impl Iterator<Item = (&str, Blob<'a>)> {
        self.info.sources.iter().filter_map(|source| match source {
            Source::Tree(path) => Some((path.as_str(), self.open(source)?)),
            _ => None,
        })
    }
}
