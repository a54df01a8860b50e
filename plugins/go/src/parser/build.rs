//! What the compiler said, and packages that it refused.

use std::collections::BTreeMap;

use flaky_plugin_sdk::Blob;
use flaky_plugin_text::{capped, plain};

use super::line::{self, Line, PackageEnd};

/// More of what the compiler said of one package tells nothing new.
const MOST_SAID: usize = 8 * 1024;

/// Longest line that is looked at here.
const LONGEST_LINE: usize = 16 * 1024;

/// Errors by package, as they stand below `# import/path`.
pub(super) fn errors(stderr: &Blob<'_>) -> BTreeMap<String, String> {
    let mut errors = BTreeMap::new();
    let mut package: Option<String> = None;
    let mut lines = stderr.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        if line.bytes.first() == Some(&b'#') {
            package = heading(&plain(line.bytes)).map(str::to_owned);
        } else if let Some(package) = &package {
            capped(errors.entry(package.clone()).or_default(), &plain(line.bytes), MOST_SAID);
        }
    }
    errors
}

/// The package of `# import/path` or `# import/path [import/path.test]`.
pub(super) fn heading(line: &str) -> Option<&str> {
    let path = line.strip_prefix("# ")?;
    let path = path.split_once(" [").map_or(path, |(path, _)| path);
    (!path.is_empty() && !path.contains(' ')).then_some(path)
}

/// Whether there is nothing but lines about packages that could not be built, and Go's last word.
pub(super) fn failed_alone(blob: &Blob<'_>) -> bool {
    let (mut packages, mut last) = (0, false);
    let mut lines = blob.lines_up_to(LONGEST_LINE);
    while let Some(line) = lines.next_line() {
        let text = plain(line.bytes);
        match line::read(&text) {
            Some(Line::Package(package)) if package.end == PackageEnd::NotBuilt => packages += 1,
            _ => last = text == "FAIL" || (last && text.is_empty()),
        }
    }
    packages > 0 && last
}
