//! `cargo xtask fixtures`: the committed components against recorded output of real frameworks.
//!
//! The tests of each plugin do the same with its native code. This goes the way of `flaky` itself, through the
//! component and the host's checks, and asks every other parser too: none may recognise what is not its own.

mod score;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_core::parse_document::{Chosen, ParseDocument};
use flaky_core::parsed::Completeness;
use flaky_plugin_host::{AttemptInput, BlobInput, Plugin};
use flaky_plugin_testing::Fixture;

use self::score::{Aspect, Score};
use crate::dist::{self, Dist};
use crate::hosted::Hosted;
use crate::{Result, plugins, say};

/// Share of what is expected that has to be right.
const LEAST: f64 = 99.0;

/// Problems of one plugin that are told: the first few show what is wrong.
const MOST_TOLD: usize = 20;

/// Reads all fixtures of the plugins of these names, or of all, and prints a table.
pub(crate) fn run(root: &Path, only: &[&str]) -> Result<()> {
    let parsers = Parsers::load(root)?;
    let mut table = String::from(
        "plugin       files  tests     ids  outcomes  messages  attempts  details  complete  also recognised by\n",
    );
    let mut bad = Vec::new();
    for (name, _) in &parsers.all {
        if !only.is_empty() && !only.contains(&name.as_str()) {
            continue;
        }
        let folder = root.join("plugins").join(name);
        let mut score = Score::default();
        for fixture in Fixture::all(&folder.to_string_lossy()) {
            parsers.read(name, &fixture, &mut score)?;
        }
        for problem in score.problems.iter().take(MOST_TOLD) {
            say(&format!("{name}: {problem}"));
        }
        let more = score.problems.len().saturating_sub(MOST_TOLD);
        if more > 0 {
            say(&format!("{name}: … and {more} more problems"));
        }
        if score.files > 0 && !score.is_good(LEAST) {
            bad.push(name.as_str());
        }
        table.push_str(&row(name, &score));
    }
    write_out(&table)?;
    if bad.is_empty() {
        return Ok(());
    }
    Err(format!("below {LEAST} %, or recognised by others: {}", bad.join(", ")).into())
}

fn row(name: &str, score: &Score) -> String {
    let mut row = format!("{name:12} {:5}  {:5}", score.files, score.tests);
    for (aspect, width) in Aspect::ALL.into_iter().zip([6, 8, 8, 8, 7, 8]) {
        let percent = score.percent(aspect).map_or("–".to_owned(), |p| format!("{p:.1}"));
        let _ = write!(row, "  {percent:>width$}");
    }
    let others: Vec<String> = score.others.iter().map(|(name, files)| format!("{name} {files}")).collect();
    let _ = writeln!(row, "  {}", others.join(", "));
    row
}

fn write_out(text: &str) -> Result<()> {
    use std::io::Write;
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// All bundled parsers, loaded.
struct Parsers {
    hosted: Hosted,
    all: Vec<(String, Plugin)>,
}

impl Parsers {
    fn load(root: &Path) -> Result<Self> {
        let hosted = Hosted::new(&plugins::target_folder(root))?;
        let folder = root.join("plugins/dist");
        let mut all = Vec::new();
        let dist = Dist::load(&folder.join(dist::MANIFEST))?;
        for (name, component) in dist.unpack(&folder)? {
            if dist.plugins.get(&name).is_some_and(|p| p.roles.iter().any(|role| role.ends_with("parser"))) {
                let plugin = hosted.load(&name, component)?;
                all.push((name, plugin));
            }
        }
        Ok(Self { hosted, all })
    }

    fn read(&self, own: &str, fixture: &Fixture, score: &mut Score) -> Result<()> {
        let input = input(fixture);
        score.files += 1;
        let mut others = Vec::new();
        for (name, plugin) in &self.all {
            let parsed = self.hosted.block_on(plugin.parse(&input))?;
            if name == own {
                let document = ParseDocument::read(&fixture.name, name, Chosen::Named, Vec::new(), parsed);
                score.compare(&fixture.name, &fixture.expected, &document);
            } else if parsed.completeness != Completeness::NothingRecognised {
                others.push((name, parsed.format));
            }
        }
        for (name, format) in others {
            // A framework's parser may read a general format as well; what was read is the same then.
            if format != fixture.expected.format {
                *score.others.entry(name.clone()).or_default() += 1;
                score.problems.push(format!("{}: `{name}` recognises it too, as {format}", fixture.name));
            }
        }
        Ok(())
    }
}

/// As the host hands an attempt over.
fn input(fixture: &Fixture) -> AttemptInput {
    let recorded = fixture.recorded.attempt();
    let info = recorded.info();
    let bytes = |name: &str| {
        let found = fixture.sources.iter().find(|(source, _)| source == name);
        BlobInput::Bytes(Arc::from(found.map_or(&[][..], |(_, bytes)| bytes)))
    };
    let files = |folder: &str| {
        let below = |(name, bytes): &(String, Vec<u8>)| {
            let path = name.strip_prefix(folder)?.to_owned();
            Some((path, BlobInput::Bytes(Arc::from(bytes.as_slice()))))
        };
        fixture.sources.iter().filter_map(below).collect()
    };
    AttemptInput {
        index: AttemptIndex(0),
        seed: Seed(0),
        command: info.command.clone(),
        exit: match (info.exit.timed_out, info.exit.signal, info.exit.code) {
            (true, ..) => Exit::TimedOut,
            (false, Some(signal), _) => Exit::Signal(signal),
            (false, None, code) => Exit::Code(code.unwrap_or(0)),
        },
        duration: Duration::ZERO,
        conditions: Vec::new(),
        stdout: bytes("stdout"),
        stderr: bytes("stderr"),
        reports: files("report/"),
        tree: files("tree/"),
    }
}
