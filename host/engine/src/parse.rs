//! `flaky parse`: what the tool sees in one file. The file is handed over as standard output, and to parsers that want
//! files of its name as a report.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::parse_document::{Chosen, ParseDocument, ParsedWarning};
use flaky_plugin_host::{AttemptInput, BlobInput, PluginError};

use crate::job_log;
use crate::plugins::{Candidate, PluginSet};
use crate::recognise::{self, Reading, choose};
use crate::taste::taste;

/// A file to be read by parsers.
#[derive(Debug)]
pub struct ParseFile {
    /// As it was named.
    name: String,
    /// Where its bytes are: the file itself, or a copy of what came through a pipe.
    path: PathBuf,
    size: u64,
    /// Holds the copy; it is deleted with it.
    #[expect(dead_code, reason = "held so that the copy stays until it is read")]
    copy: Option<tempfile::NamedTempFile>,
    /// The bytes are those of a CI job's log without what the platform put before its lines.
    is_job_log: bool,
}

/// What stands for standard input.
pub const STANDARD_INPUT: &str = "-";

impl ParseFile {
    /// Looks whether a file can be read; `-` is standard input. What is no regular file (a pipe) is copied to a
    /// temporary file: parsers go back and forth.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(name: &Path) -> io::Result<Self> {
        let shown = name.display().to_string();
        if shown == STANDARD_INPUT {
            return Self::copied(shown, &mut io::stdin().lock());
        }
        // Parsers are given what a link leads to: nobody else chose this path.
        let path = name.canonicalize()?;
        let metadata = fs::metadata(&path)?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        let mut file = File::open(&path)?;
        if !metadata.is_file() {
            return Self::copied(shown, &mut file);
        }
        if is_job_log(&mut file)? {
            return Self::printed(shown, &mut file);
        }
        Ok(Self { name: shown, path, size: metadata.len(), copy: None, is_job_log: false })
    }

    fn copied(name: String, from: &mut dyn io::Read) -> io::Result<Self> {
        let mut copy = temporary()?;
        let size = io::copy(from, copy.as_file_mut())?;
        if is_job_log(copy.as_file_mut())? {
            return Self::printed(name, copy.as_file_mut());
        }
        Ok(Self { name, path: copy.path().to_owned(), size, copy: Some(copy), is_job_log: false })
    }

    /// What the job of this log printed.
    fn printed(name: String, log: &mut File) -> io::Result<Self> {
        let mut copy = temporary()?;
        let mut to = BufWriter::new(copy.as_file_mut());
        job_log::printed(BufReader::new(log), &mut to)?;
        to.flush()?;
        drop(to);
        let size = copy.as_file().metadata()?.len();
        Ok(Self { name, path: copy.path().to_owned(), size, copy: Some(copy), is_job_log: true })
    }

    fn blob(&self) -> BlobInput {
        BlobInput::File { path: self.path.clone(), size: self.size, cut: None }
    }

    /// As a parser is given it: a report under its own name where the report folder could hold it, else a file of the
    /// work tree. Never both, or a parser would read every test twice.
    fn input(&self, wants_report: impl Fn(&str) -> bool) -> AttemptInput {
        let path = relative(Path::new(&self.name));
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let (mut reports, mut tree) = (Vec::new(), Vec::new());
        if !name.is_empty() {
            if wants_report(&path) {
                reports.push((path, self.blob()));
            } else if wants_report(&name) {
                reports.push((name, self.blob()));
            } else {
                tree.push((path, self.blob()));
            }
        }
        AttemptInput {
            index: AttemptIndex(0),
            seed: Seed(0),
            command: Vec::new(),
            exit: Exit::Code(0),
            duration: Duration::ZERO,
            conditions: Vec::new(),
            stdout: self.blob(),
            stderr: BlobInput::Bytes(Arc::from(&[][..])),
            reports,
            tree,
        }
    }
}

fn temporary() -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix("flaky-parse-").tempfile()
}

/// Looks at the beginning, and goes back to it.
fn is_job_log(file: &mut File) -> io::Result<bool> {
    let mut beginning = Vec::new();
    file.rewind()?;
    Read::by_ref(file).take(job_log::BEGINNING).read_to_end(&mut beginning)?;
    file.rewind()?;
    Ok(job_log::is_job_log(&beginning))
}

/// A path with `/` and without what leads out of a folder; empty for standard input.
fn relative(path: &Path) -> String {
    if path == Path::new(STANDARD_INPUT) {
        return String::new();
    }
    let plain = path.components().filter_map(|c| match c {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    plain.collect::<Vec<_>>().join("/")
}

/// What came of reading a file.
#[derive(Debug)]
pub struct ParseOutcome {
    /// For whoever asked.
    pub document: ParseDocument,
    /// Parsers that failed. The others were asked all the same.
    pub failed: Vec<PluginError>,
}

/// Reads a file with this parser, or asks all: those the user named in their order, then the bundled ones together.
pub async fn parse(plugins: &PluginSet, parser: Option<&Candidate>, file: &ParseFile) -> ParseOutcome {
    let mut outcome = asked(plugins, parser, file).await;
    if file.is_job_log && outcome.document.parser.is_some() {
        outcome.document.warnings.insert(0, without_stamps());
    }
    outcome
}

fn without_stamps() -> ParsedWarning {
    ParsedWarning {
        code: "job-log".to_owned(),
        message: "read without what a CI platform put before its lines; offsets count what is left"
            .to_owned(),
        source: None,
        offset: None,
    }
}

async fn asked(plugins: &PluginSet, parser: Option<&Candidate>, file: &ParseFile) -> ParseOutcome {
    let mut failed = Vec::new();
    if let Some(parser) = parser {
        let reading = ask(parser, file, &mut failed).await;
        let named =
            |r: Reading| ParseDocument::read(&file.name, &r.parser, Chosen::Named, Vec::new(), r.parsed);
        let document = reading.map_or_else(|| ParseDocument::not_recognised(&file.name), named);
        return ParseOutcome { document, failed };
    }
    let (named, bundled): (Vec<Candidate>, Vec<Candidate>) =
        plugins.parsers().cloned().partition(Candidate::is_named);
    for candidate in &named {
        if let Some(r) = ask(candidate, file, &mut failed).await {
            let document = ParseDocument::read(&file.name, &r.parser, Chosen::Named, Vec::new(), r.parsed);
            return ParseOutcome { document, failed };
        }
    }
    let (readings, errors) = ask_all(&bundled, file).await;
    failed.extend(errors);
    let document = match choose(readings) {
        None => ParseDocument::not_recognised(&file.name),
        Some((best, others)) => {
            let chosen = if others.is_empty() { Chosen::Only } else { Chosen::Among };
            ParseDocument::read(&file.name, &best.parser, chosen, others, best.parsed)
        }
    };
    ParseOutcome { document, failed }
}

async fn ask(candidate: &Candidate, file: &ParseFile, failed: &mut Vec<PluginError>) -> Option<Reading> {
    let (mut readings, errors) = ask_together(std::slice::from_ref(candidate), file).await;
    failed.extend(errors);
    readings.pop()
}

/// Of a long file that no parser wants by its name, each is given a taste first.
async fn ask_all(candidates: &[Candidate], file: &ParseFile) -> (Vec<Reading>, Vec<PluginError>) {
    let input = file.input(|_| false);
    let tasted = tokio::task::spawn_blocking(move || taste(&AttemptInput { tree: Vec::new(), ..input }));
    let Some(tasted) = tasted.await.ok().flatten().map(Arc::new) else {
        return ask_together(candidates, file).await;
    };
    let name = Arc::new(file.name.clone());
    let answers = recognise::side_by_side(candidates, move |member| {
        let (tasted, name) = (Arc::clone(&tasted), Arc::clone(&name));
        async move {
            let path = relative(Path::new(name.as_str()));
            let by_name = member.plugin.wants_report(&path) || member.plugin.wants_tree(&path);
            Ok(by_name || recognise::ask(&member, &tasted).await?.is_some())
        }
    });
    let (mut knowing, mut errors) = (Vec::new(), Vec::new());
    for (candidate, answer) in answers.await {
        match answer {
            Ok(true) => knowing.push(candidate),
            Ok(false) => {}
            Err(error) => errors.push(error),
        }
    }
    let (readings, more) = ask_together(&knowing, file).await;
    errors.extend(more);
    (readings, errors)
}

async fn ask_together(candidates: &[Candidate], file: &ParseFile) -> (Vec<Reading>, Vec<PluginError>) {
    // Of which parser a file is a report, only that parser's manifest knows: one input each.
    let file = Arc::new(ParseFile { name: file.name.clone(), path: file.path.clone(), copy: None, ..*file });
    let answers = recognise::side_by_side(candidates, move |member| {
        let file = Arc::clone(&file);
        async move {
            let input = file.input(|path| member.plugin.wants_report(path));
            recognise::ask(&member, &input).await
        }
    });
    let (mut readings, mut errors) = (Vec::new(), Vec::new());
    for (_, answer) in answers.await {
        match answer {
            Ok(reading) => readings.extend(reading),
            Err(error) => errors.push(error),
        }
    }
    (readings, errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_report_of_its_own_name_or_a_file_of_the_tree_but_not_both() {
        type Wants = fn(&str) -> bool;
        let cases: [(&str, Wants, &[&str], &[&str]); 5] = [
            ("out/junit.xml", |p| p.ends_with(".xml"), &["out/junit.xml"], &[]),
            ("/ci/out/junit.xml", |p| p == "junit.xml", &["junit.xml"], &[]),
            (
                "../target/surefire-reports/TEST-a.xml",
                |_| false,
                &[],
                &["target/surefire-reports/TEST-a.xml"],
            ),
            ("./log.txt", |_| false, &[], &["log.txt"]),
            ("-", |_| true, &[], &[]),
        ];
        for (name, wants, reports, tree) in cases {
            let file =
                ParseFile { name: name.into(), path: "x".into(), size: 1, copy: None, is_job_log: false };
            let input = file.input(wants);
            let paths =
                |files: &[(String, BlobInput)]| files.iter().map(|(p, _)| p.clone()).collect::<Vec<_>>();
            assert_eq!(
                (paths(&input.reports), paths(&input.tree)),
                (strings(reports), strings(tree)),
                "{name}"
            );
        }
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&t| t.to_owned()).collect()
    }

    #[test]
    fn a_folder_and_a_missing_file_are_refused_and_a_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.log");
        fs::write(&file, "abc").unwrap();
        let link = folder.path().join("link.log");
        std::os::unix::fs::symlink("a.log", &link).unwrap();
        assert_eq!(ParseFile::open(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(ParseFile::open(&folder.path().join("no")).unwrap_err().kind(), io::ErrorKind::NotFound);
        let opened = ParseFile::open(&link).unwrap();
        assert_eq!((opened.size, opened.path), (3, file.canonicalize().unwrap()));
        assert!(opened.name.ends_with("link.log"));
    }
}
