//! Where a format is looked for.

use flaky_plugin_sdk::{Attempt, Blob, Source};

/// A source with its bytes.
#[derive(Debug)]
pub struct Kept<'a> {
    /// Which.
    pub source: Source,
    /// What it holds.
    pub blob: Blob<'a>,
}

impl Kept<'_> {
    /// Whether it is a report of our own, which no format of others is looked for in.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(&self.source, Source::Report(path) if path.starts_with(crate::FOLDER))
    }
}

/// Reports, then files of the tree, then what was printed. The first in which a format is recognised tells the attempt:
/// two of them would tell every test twice.
pub fn sources<'a>(attempt: &Attempt<'a>) -> Vec<Kept<'a>> {
    let rank = |source: &Source| match source {
        Source::Report(_) => 0,
        Source::Tree(_) => 1,
        Source::Stdout => 2,
        Source::Stderr => 3,
    };
    let mut all: Vec<Kept<'a>> = attempt
        .info()
        .sources
        .iter()
        .filter_map(|source| Some(Kept { source: source.clone(), blob: attempt.open(source)? }))
        .collect();
    all.sort_by_key(|kept| rank(&kept.source));
    all
}
