//! Reading a zip file that anybody may have made. Nothing is unpacked to a name of its own, so nothing can lead out of a
//! folder; it is refused all the same, because whoever made it meant harm.

use std::io::{Cursor, Read};

use flaky_core::text::visible;

/// Largest artifact that is downloaded, zipped: reports of tests are small, and logs and binaries are not looked for.
pub(super) const MOST_ZIPPED: usize = 20 << 20;
/// Entries of an artifact; more is no collection of test reports.
const MOST_ENTRIES: usize = 2_000;
/// Reports that are read of one artifact.
const MOST_REPORTS: usize = 200;
/// Bytes of one report, unpacked.
const MOST_REPORT: u64 = 32 << 20;
/// Bytes of all reports of one artifact, unpacked: a zip file of 20 MiB can hold 20 GB of zeros.
const MOST_ALL: u64 = 128 << 20;

/// Why an artifact is not read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ArchiveProblem {
    #[error("it is no zip file: {0}")]
    NotAZip(String),
    #[error("it has more than {MOST_ENTRIES} entries")]
    TooManyEntries,
    #[error("`{0}` leads out of its folder")]
    Outside(String),
    #[error("`{0}` is a link")]
    Link(String),
    #[error("`{0}` is larger than {limit} MiB unpacked", limit = MOST_REPORT >> 20)]
    TooLarge(String),
    #[error("it holds more than {limit} MiB unpacked", limit = MOST_ALL >> 20)]
    TooLargeInAll,
    #[error("`{0}` is encrypted or damaged: {1}")]
    Unreadable(String, String),
}

/// The test reports in it, by their names' endings.
pub(super) fn reports(zipped: &[u8]) -> Result<Vec<(Kind, Vec<u8>)>, ArchiveProblem> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zipped))
        .map_err(|error| ArchiveProblem::NotAZip(visible(&error.to_string())))?;
    if archive.len() > MOST_ENTRIES {
        return Err(ArchiveProblem::TooManyEntries);
    }
    let (mut reports, mut all) = (Vec::new(), 0_u64);
    for index in 0..archive.len() {
        let unreadable = |error: &dyn std::fmt::Display| {
            ArchiveProblem::Unreadable(format!("entry {index}"), error.to_string())
        };
        let entry = archive.by_index(index).map_err(|error| unreadable(&error))?;
        let name = visible(entry.name());
        if entry.enclosed_name().is_none() || name.starts_with(['/', '\\']) {
            return Err(ArchiveProblem::Outside(name));
        }
        // The upper bits of a Unix mode say what kind of file it is; 0o120000 is a link.
        if entry.unix_mode().is_some_and(|mode| mode & 0o170_000 == 0o120_000) {
            return Err(ArchiveProblem::Link(name));
        }
        let Some(kind) = Kind::of(&name).filter(|_| entry.is_file() && reports.len() < MOST_REPORTS) else {
            continue;
        };
        let mut bytes = Vec::new();
        // What the file says of its size is not believed.
        entry.take(MOST_REPORT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        if bytes.len() as u64 > MOST_REPORT {
            return Err(ArchiveProblem::TooLarge(name));
        }
        all += bytes.len() as u64;
        if all > MOST_ALL {
            return Err(ArchiveProblem::TooLargeInAll);
        }
        reports.push((kind, bytes));
    }
    Ok(reports)
}

/// What a report may be, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Xml,
    Json,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        [(".xml", Self::Xml), (".json", Self::Json)]
            .into_iter()
            .find(|(end, _)| name.ends_with(end))
            .map(|(_, k)| k)
    }

    /// A name under which parsers take it for a report.
    pub(super) const fn file_name(self) -> &'static str {
        match self {
            Self::Xml => "junit.xml",
            Self::Json => "ctrf-report.json",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;

    fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn reports_are_found_by_their_names_wherever_they_lie() {
        let zip = zipped(&[("a/junit.xml", b"<x/>"), ("CTRF.JSON", b"{}"), ("b/log.txt", b"no")]);
        let found = reports(&zip).unwrap();
        assert_eq!(found, [(Kind::Xml, b"<x/>".to_vec()), (Kind::Json, b"{}".to_vec())]);
    }

    #[test]
    fn poisoned_archives_are_refused_by_name() {
        let zeros = vec![0; usize::try_from(MOST_REPORT).unwrap() + 1];
        let half = vec![0; usize::try_from(MOST_REPORT).unwrap()];
        let many: Vec<(String, &[u8])> = (0..=MOST_ENTRIES).map(|i| (format!("{i}.txt"), &b""[..])).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        let mut link = zip::ZipWriter::new(Cursor::new(Vec::new()));
        link.add_symlink("junit.xml", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        let link = link.finish().unwrap().into_inner();
        let whole = zipped(&[("junit.xml", b"<testsuite/>")]);
        let five = [
            ("1.xml", half.as_slice()),
            ("2.xml", &half),
            ("3.xml", &half),
            ("4.xml", &half),
            ("5.xml", &half),
        ];
        for (what, zip, expected) in [
            ("text", b"not a zip".to_vec(), "it is no zip file"),
            ("cut", whole[..whole.len() / 2].to_vec(), "it is no zip file"),
            ("above", zipped(&[("../../x.xml", b"")]), "leads out of its folder"),
            ("absolute", zipped(&[("/etc/x.xml", b"")]), "leads out of its folder"),
            ("link", link, "`junit.xml` is a link"),
            ("bomb", zipped(&[("a.xml", &zeros)]), "larger than 32 MiB unpacked"),
            ("bombs", zipped(&five), "more than 128 MiB unpacked"),
            ("many", zipped(&many), "more than 2000 entries"),
        ] {
            let problem = reports(&zip).expect_err(what).to_string();
            assert!(problem.contains(expected), "{what}: {problem}");
        }
    }
}
