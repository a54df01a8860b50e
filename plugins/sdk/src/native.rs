//! Inputs made of bytes, for tests and benchmarks of plugins outside of the host.

use crate::{Attempt, AttemptInfo, Blob, Exit, Project, Source};

/// An attempt made of bytes.
///
/// ```
/// use flaky_plugin_sdk::native::Recorded;
/// let recorded = Recorded::default().stdout("1 passed").report("junit.xml", "<testsuite/>").exit_code(0);
/// let attempt = recorded.attempt();
/// assert_eq!(attempt.info().exit.code, Some(0));
/// assert_eq!(attempt.reports().map(|(path, blob)| (path.to_owned(), blob.size())).collect::<Vec<_>>(),
///            [("junit.xml".to_owned(), 12)]);
/// ```
#[derive(Debug, Clone)]
pub struct Recorded {
    info: AttemptInfo,
    contents: Vec<Bytes>,
    /// Bytes per read, where not as the host would give them.
    chunk: Option<u32>,
}

#[derive(Debug, Clone)]
struct Bytes {
    bytes: Vec<u8>,
    cut: Option<(u64, u64)>,
}

impl Default for Recorded {
    fn default() -> Self {
        let info = AttemptInfo {
            index: 0,
            seed: 0,
            command: Vec::new(),
            exit: Exit { code: Some(0), signal: None, timed_out: false },
            duration_ns: 0,
            conditions: Vec::new(),
            sources: Vec::new(),
        };
        Self { info, contents: Vec::new(), chunk: None }
    }
}

impl Recorded {
    /// With this standard output.
    #[must_use]
    pub fn stdout(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.source(Source::Stdout, bytes.into(), None)
    }

    /// With this standard output, of which the host cut the bytes from `cut.0` to `cut.1` out.
    #[must_use]
    pub fn cut_stdout(self, bytes: impl Into<Vec<u8>>, cut: (u64, u64)) -> Self {
        self.source(Source::Stdout, bytes.into(), Some(cut))
    }

    /// With this standard error.
    #[must_use]
    pub fn stderr(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.source(Source::Stderr, bytes.into(), None)
    }

    /// With this file in the report folder.
    #[must_use]
    pub fn report(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.source(Source::Report(path.to_owned()), bytes.into(), None)
    }

    /// With this file of the work tree.
    #[must_use]
    pub fn tree(self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.source(Source::Tree(path.to_owned()), bytes.into(), None)
    }

    /// With this command.
    #[must_use]
    pub fn command(mut self, argv: &[&str]) -> Self {
        self.info.command = argv.iter().map(|&argument| argument.to_owned()).collect();
        self
    }

    /// Ended by itself, with this code.
    #[must_use]
    pub fn exit_code(self, code: i32) -> Self {
        self.exit(Exit { code: Some(code), signal: None, timed_out: false })
    }

    /// Ended this way.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.info.exit = exit;
        self
    }

    /// Read in pieces of `chunk` bytes: tests use it to put the ends of pieces everywhere.
    #[must_use]
    pub fn in_chunks_of(mut self, chunk: u32) -> Self {
        self.chunk = Some(chunk);
        self
    }

    /// The attempt, as a parser gets it.
    #[must_use]
    pub fn attempt(&self) -> Attempt<'_> {
        Attempt::of(self)
    }

    fn source(mut self, source: Source, bytes: Vec<u8>, cut: Option<(u64, u64)>) -> Self {
        self.info.sources.push(source);
        self.contents.push(Bytes { bytes, cut });
        self
    }

    pub(crate) fn info(&self) -> AttemptInfo {
        self.info.clone()
    }

    pub(crate) fn open(&self, wanted: &Source) -> Option<Blob<'_>> {
        let position = self.info.sources.iter().position(|source| source == wanted)?;
        let content = self.contents.get(position)?;
        let blob = Blob::in_memory(&content.bytes).with_cut(content.cut);
        Some(match self.chunk {
            Some(chunk) => blob.in_chunks_of(chunk),
            None => blob,
        })
    }
}

/// A project made of bytes.
///
/// ```
/// use flaky_plugin_sdk::native::Files;
/// let files = Files::default().file("setup.py", "import setuptools");
/// assert_eq!(files.project().files(), ["setup.py"]);
/// assert!(files.project().open("pyproject.toml").is_none());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Files(Vec<(String, Vec<u8>)>);

impl Files {
    /// With this file.
    #[must_use]
    pub fn file(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.0.push((path.to_owned(), bytes.into()));
        self
    }

    /// The project, as a framework gets it.
    #[must_use]
    pub fn project(&self) -> Project<'_> {
        Project::of(self)
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.iter().map(|(path, _)| path.clone()).collect()
    }

    pub(crate) fn open(&self, wanted: &str) -> Option<Blob<'_>> {
        self.0.iter().find(|(path, _)| path == wanted).map(|(_, bytes)| Blob::in_memory(bytes))
    }
}
