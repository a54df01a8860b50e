//! Parsers.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_plugin_host::{AttemptInput, BlobInput, Plugin};

use super::{Answered, Finding, HOSTILE, MOST_IN_PIECES, PIECES, Size, answered};
use crate::check::Check;
use crate::golden::{Case, CaseError, parser};
use flaky_core::parsed::ParsedAttempt;

/// More than an attempt's output can have: the host keeps 64 MB.
const HUGE: usize = 100_000_000;

/// Into how many parts an input is cut, to end after each.
const CUTS: usize = 16;

/// Which of an attempt's inputs: the one that a parser's cases have most of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Main {
    Stdout,
    Stderr,
    Report(usize),
    Tree(usize),
}

pub(super) async fn battery(
    plugin: &Plugin,
    cases: impl Iterator<Item = &Case>,
) -> Result<Vec<Check>, CaseError> {
    let mut inputs = Vec::new();
    for case in cases {
        // Settings that are refused are told by the case itself.
        if let Ok(configured) = case.configured(plugin).await? {
            inputs.push((configured, parser::input(&case.folder)?));
        }
    }
    let mut checks = vec![empty(plugin).await];
    if !inputs.is_empty() {
        checks.push(twice(plugin, &inputs).await);
        checks.push(pieces(plugin, &inputs).await);
        checks.push(cut_off(plugin, &inputs).await);
    }
    checks.push(hostile(plugin, &inputs).await);
    checks.push(huge(plugin, &inputs).await);
    Ok(checks)
}

async fn empty(plugin: &Plugin) -> Check {
    let mut finding = Finding::start(plugin, "parser: nothing printed, nothing written");
    let result = plugin.parse(&nothing()).await;
    if let Some(parsed) = finding.survives("empty", Size::Usual, result)
        && !parsed.tests.is_empty()
    {
        finding.fault(format!("tests were read of nothing: {}", parsed.tests.len()));
    }
    finding.end()
}

async fn twice(plugin: &Plugin, inputs: &[(Plugin, AttemptInput)]) -> Check {
    let mut finding = Finding::start(plugin, "parser: the same answer when asked twice");
    for (plugin, input) in inputs {
        let (first, second) = (ask(plugin, input).await, ask(plugin, input).await);
        finding.same("asked again", &first, &second);
    }
    finding.end()
}

async fn pieces(plugin: &Plugin, inputs: &[(Plugin, AttemptInput)]) -> Check {
    let mut finding = Finding::start(plugin, "parser: the same answer in pieces of 1 byte and more");
    for (plugin, input) in inputs {
        let whole = ask(plugin, input).await;
        for most in PIECES.into_iter().filter_map(NonZeroU32::new) {
            let in_pieces = every(input, |bytes| match bytes.len() {
                0..=MOST_IN_PIECES => BlobInput::Pieces(bytes, most),
                _ => BlobInput::Bytes(bytes),
            });
            finding.same(&format!("in pieces of {most} bytes"), &whole, &ask(plugin, &in_pieces).await);
        }
    }
    finding.end()
}

async fn cut_off(plugin: &Plugin, inputs: &[(Plugin, AttemptInput)]) -> Check {
    let mut finding = Finding::start(plugin, "parser: inputs that end early");
    for (plugin, input) in inputs {
        let size = bytes(input, main(input)).len();
        for i in 0..CUTS {
            let end = size * i / CUTS;
            let cut = with_main(input, &bytes(input, main(input))[..end]);
            finding.survives(&format!("cut after {end} bytes"), Size::Usual, plugin.parse(&cut).await);
        }
    }
    finding.end()
}

async fn hostile(plugin: &Plugin, inputs: &[(Plugin, AttemptInput)]) -> Check {
    let mut finding = Finding::start(plugin, "parser: hostile text, alone and in the midst of cases");
    for (what, text) in HOSTILE {
        let mut alone = nothing();
        (alone.stdout, alone.stderr) = (memory(text), memory(text));
        finding.survives(what, Size::Usual, plugin.parse(&alone).await);
        for (plugin, input) in inputs {
            let whole = bytes(input, main(input));
            let (head, tail) = whole.split_at(whole.len() / 2);
            let mixed = with_main(input, &[head, text, tail].concat());
            finding.survives(&format!("{what}, in the midst"), Size::Usual, plugin.parse(&mixed).await);
        }
    }
    finding.end()
}

async fn huge(plugin: &Plugin, inputs: &[(Plugin, AttemptInput)]) -> Check {
    let mut finding = Finding::start(plugin, "parser: 100 MB");
    let line = (plugin.clone(), AttemptInput { stdout: memory(b"a line of text\n"), ..nothing() });
    let (plugin, input) = inputs.first().unwrap_or(&line);
    let unit = bytes(input, main(input));
    let mut repeated = unit.repeat(HUGE.checked_div(unit.len()).map_or(0, |times| times + 1));
    repeated.truncate(HUGE);
    let result = plugin.parse(&with_main(input, &repeated)).await;
    finding.survives("100 MB of the first case, repeated", Size::Huge, result);
    finding.end()
}

async fn ask(plugin: &Plugin, input: &AttemptInput) -> Answered<ParsedAttempt> {
    answered(plugin.parse(input).await)
}

/// An attempt that printed and wrote nothing.
pub(crate) fn nothing() -> AttemptInput {
    AttemptInput {
        index: AttemptIndex(0),
        seed: Seed(1),
        command: Vec::new(),
        exit: Exit::Code(0),
        duration: Duration::ZERO,
        conditions: Vec::new(),
        stdout: memory(b""),
        stderr: memory(b""),
        reports: Vec::new(),
        tree: Vec::new(),
    }
}

fn memory(bytes: &[u8]) -> BlobInput {
    BlobInput::Bytes(Arc::from(bytes))
}

/// Inputs of cases are in memory.
fn content(blob: &BlobInput) -> Arc<[u8]> {
    match blob {
        BlobInput::Bytes(bytes) | BlobInput::Pieces(bytes, _) => Arc::clone(bytes),
        BlobInput::File { .. } => Arc::from([]),
    }
}

fn main(input: &AttemptInput) -> Main {
    let reports = input.reports.iter().enumerate().map(|(i, (_, blob))| (Main::Report(i), blob));
    let tree = input.tree.iter().enumerate().map(|(i, (_, blob))| (Main::Tree(i), blob));
    let printed = [(Main::Stderr, &input.stderr), (Main::Stdout, &input.stdout)];
    let all = reports.chain(tree).chain(printed);
    all.max_by_key(|(_, blob)| content(blob).len()).map_or(Main::Stdout, |(main, _)| main)
}

fn bytes(input: &AttemptInput, main: Main) -> Arc<[u8]> {
    let blob = match main {
        Main::Stdout => Some(&input.stdout),
        Main::Stderr => Some(&input.stderr),
        Main::Report(i) => input.reports.get(i).map(|(_, blob)| blob),
        Main::Tree(i) => input.tree.get(i).map(|(_, blob)| blob),
    };
    blob.map_or_else(|| Arc::from([]), content)
}

/// The attempt with other bytes in its main input.
pub(crate) fn with_main(input: &AttemptInput, bytes: &[u8]) -> AttemptInput {
    let mut changed = input.clone();
    let blob = match main(input) {
        Main::Stdout => Some(&mut changed.stdout),
        Main::Stderr => Some(&mut changed.stderr),
        Main::Report(i) => changed.reports.get_mut(i).map(|(_, blob)| blob),
        Main::Tree(i) => changed.tree.get_mut(i).map(|(_, blob)| blob),
    };
    if let Some(blob) = blob {
        *blob = memory(bytes);
    }
    changed
}

/// What stands in the attempt's main input.
pub(crate) fn main_bytes(input: &AttemptInput) -> Arc<[u8]> {
    bytes(input, main(input))
}

fn every(input: &AttemptInput, change: impl Fn(Arc<[u8]>) -> BlobInput) -> AttemptInput {
    let mut changed = input.clone();
    let files = changed.reports.iter_mut().chain(&mut changed.tree).map(|(_, blob)| blob);
    for blob in files.chain([&mut changed.stdout, &mut changed.stderr]) {
        *blob = change(content(blob));
    }
    changed
}
