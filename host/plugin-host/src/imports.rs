//! Everything a plugin can call: `inputs` and `log`.

use std::sync::Arc;

use wasmtime::component::Resource;

use crate::attempt::AttemptInput;
use crate::bindings::{inputs, log, source_name, types};
use crate::blob::{Blob, Content, ReadError};
use crate::limits::HANDLES;
use crate::notes::LogLevel;
use crate::project::Project;
use crate::state::{State, Stop};

/// One attempt as a parser sees it.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "generated code re-exports it within this crate")]
pub struct Attempt {
    info: inputs::AttemptInfo,
    contents: Vec<Content>,
}

impl Attempt {
    /// What the plugin asked for of what there is: standard output and error, then files by path.
    pub(crate) fn new(
        input: &AttemptInput,
        wants_report: impl Fn(&str) -> bool,
        wants_tree: impl Fn(&str) -> bool,
    ) -> Self {
        let mut sources = vec![
            (types::Source::Stdout, Content::from(&input.stdout)),
            (types::Source::Stderr, Content::from(&input.stderr)),
        ];
        let mut reports: Vec<_> = input.reports.iter().filter(|(path, _)| wants_report(path)).collect();
        reports.sort_by(|(a, _), (b, _)| a.cmp(b));
        sources.extend(reports.into_iter().map(|(p, b)| (types::Source::Report(p.clone()), b.into())));
        let mut tree: Vec<_> = input.tree.iter().filter(|(path, _)| wants_tree(path)).collect();
        tree.sort_by(|(a, _), (b, _)| a.cmp(b));
        sources.extend(tree.into_iter().map(|(p, b)| (types::Source::Tree(p.clone()), b.into())));
        let (sources, contents) = sources.into_iter().unzip();
        Self { info: info(input, sources), contents }
    }

    /// Puts something else in the place of standard output.
    #[cfg(test)]
    pub(crate) fn with_stdout(mut self, content: Content) -> Self {
        self.contents[0] = content;
        self
    }
}

fn info(input: &AttemptInput, sources: Vec<types::Source>) -> inputs::AttemptInfo {
    use flaky_core::attempt::Exit;
    /// What shells answer for a command that is not there.
    const NOT_FOUND: i32 = 127;
    let (code, signal) = match input.exit {
        Exit::Code(code) => (Some(code), None),
        Exit::Signal(signal) => (None, Some(signal)),
        Exit::TimedOut => (None, None),
        Exit::NotFound => (Some(NOT_FOUND), None),
    };
    inputs::AttemptInfo {
        index: input.index.0,
        seed: input.seed.0,
        command: input.command.clone(),
        exit: inputs::Exit { code, signal, timed_out: input.exit == Exit::TimedOut },
        duration_ns: u64::try_from(input.duration.as_nanos()).unwrap_or(u64::MAX),
        conditions: input.conditions.clone(),
        sources,
    }
}

impl State {
    /// Blobs live until the plugin drops them or the call ends.
    fn open_blob(&mut self, name: String, content: Content) -> wasmtime::Result<Resource<Blob>> {
        if self.handles >= HANDLES {
            return Err(Stop::Handles(HANDLES).into());
        }
        self.handles += 1;
        Ok(self.table.push(Blob::new(name, content))?)
    }
}

impl types::Host for State {}

impl inputs::Host for State {}

impl inputs::HostBlob for State {
    fn size(&mut self, blob: Resource<Blob>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&blob)?.size())
    }

    fn cut(&mut self, blob: Resource<Blob>) -> wasmtime::Result<Option<(u64, u64)>> {
        Ok(self.table.get(&blob)?.cut())
    }

    async fn read(&mut self, blob: Resource<Blob>, offset: u64, max: u32) -> wasmtime::Result<Vec<u8>> {
        Ok(self.table.get_mut(&blob)?.read(offset, max).await.map_err(Stop::from)?)
    }

    async fn read_text(
        &mut self,
        blob: Resource<Blob>,
        offset: u64,
        max: u32,
    ) -> wasmtime::Result<inputs::TextChunk> {
        let chunk = self.table.get_mut(&blob)?.read_text(offset, max).await.map_err(Stop::from)?;
        Ok(inputs::TextChunk { text: chunk.text, next: chunk.next })
    }

    fn drop(&mut self, blob: Resource<Blob>) -> wasmtime::Result<()> {
        self.table.delete(blob)?;
        self.handles = self.handles.saturating_sub(1);
        Ok(())
    }
}

impl inputs::HostAttempt for State {
    fn info(&mut self, attempt: Resource<Attempt>) -> wasmtime::Result<inputs::AttemptInfo> {
        Ok(self.table.get(&attempt)?.info.clone())
    }

    fn open(
        &mut self,
        attempt: Resource<Attempt>,
        source: types::Source,
    ) -> wasmtime::Result<Option<Resource<Blob>>> {
        let attempt = self.table.get(&attempt)?;
        let position = attempt.info.sources.iter().position(|s| same(s, &source));
        let Some(content) = position.and_then(|i| attempt.contents.get(i)).cloned() else { return Ok(None) };
        self.open_blob(source_name(&source), content).map(Some)
    }

    fn drop(&mut self, attempt: Resource<Attempt>) -> wasmtime::Result<()> {
        self.table.delete(attempt)?;
        Ok(())
    }
}

/// Generated types do not compare.
fn same(a: &types::Source, b: &types::Source) -> bool {
    use types::Source::{Report, Stderr, Stdout, Tree};
    match (a, b) {
        (Stdout, Stdout) | (Stderr, Stderr) => true,
        (Report(a), Report(b)) | (Tree(a), Tree(b)) => a == b,
        _ => false,
    }
}

impl inputs::HostProject for State {
    fn files(&mut self, project: Resource<Project>) -> wasmtime::Result<Vec<String>> {
        Ok(self.table.get(&project)?.files())
    }

    async fn open(
        &mut self,
        project: Resource<Project>,
        path: String,
    ) -> wasmtime::Result<Option<Resource<Blob>>> {
        let Some(found) = self.table.get(&project)?.path(&path) else { return Ok(None) };
        let read = tokio::task::spawn_blocking(move || Project::read(&found)).await;
        let bytes = read
            .unwrap_or_else(|e| Err(std::io::Error::other(e)))
            .map_err(|source| Stop::from(ReadError { name: path.clone(), source }))?;
        self.open_blob(path, Content::Memory(Arc::clone(&bytes))).map(Some)
    }

    fn drop(&mut self, project: Resource<Project>) -> wasmtime::Result<()> {
        self.table.delete(project)?;
        Ok(())
    }
}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.notes.log(level, message);
        Ok(())
    }
}
