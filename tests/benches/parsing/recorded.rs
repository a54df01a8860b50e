//! Every bundled parser but pytest's and JUnit's, of which there are long inputs, on what its framework printed: recorded attempts, grown to a megabyte.
//!
//! What the recordings hold is repeated as often as that takes: the whole text, the elements of a JSON array, or what an XML
//! element holds. Recordings are full of failures, messages and traces, so these are no inputs of a green suite; and a
//! parser that takes a suite printed twice for one has less to hand over than it reads.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flaky_core::attempt::Exit;
use flaky_core::ids::{AttemptIndex, Seed};
use flaky_plugin_host::{AttemptInput, BlobInput};
use flaky_plugin_sdk::native::Recorded;
use flaky_plugin_sdk::{PackedAttempt, PackedParser};
use flaky_plugin_testing::Fixture;

use crate::{Parse, Result};

/// Bytes that an input has at least: what an instance costs by itself no longer shows.
const LEAST_BYTES: usize = 1_000_000;

/// How a recording becomes a long one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Grow {
    /// As if the command had run the suite again and again.
    Text,
    /// The elements of the array at this JSON pointer.
    Array(&'static str),
    /// What stands in the last XML element of this name.
    Element(&'static str),
}

/// A recording of `plugins/NAME/fixtures`, and who reads it.
pub(crate) struct Recording {
    pub(crate) plugin: &'static str,
    pub(crate) parse: Parse,
    pub(crate) fixture: &'static str,
    grow: Grow,
}

macro_rules! recordings {
    ($($plugin:literal $fixture:literal $grow:expr, $parse:expr;)*) => {
        [$(Recording {
            plugin: $plugin,
            parse: |recorded| {
                let parse: fn(&flaky_plugin_sdk::Attempt<'_>) -> _ = $parse;
                owned(parse(&recorded.attempt()))
            },
            fixture: $fixture,
            grow: $grow,
        }),*]
    };
}

/// What native parsers give, in one form.
trait Parsed {
    fn owned(self) -> Result<PackedAttempt>;
}

impl Parsed for PackedAttempt {
    fn owned(self) -> Result<PackedAttempt> {
        Ok(self)
    }
}

impl Parsed for std::result::Result<PackedAttempt, flaky_plugin_sdk::PluginError> {
    fn owned(self) -> Result<PackedAttempt> {
        self.map_err(|error| error.message.into())
    }
}

fn owned(parsed: impl Parsed) -> Result<PackedAttempt> {
    parsed.owned()
}

use Grow::{Array, Element, Text};

pub(crate) const RECORDINGS: [Recording; 39] = recordings! {
    "bats" "timed" Text, |attempt| flaky_plugin_bats::Bats.parse(attempt);
    "boost-test" "1.74/all" Text, |attempt| flaky_plugin_boost_test::BoostTest.parse(attempt);
    "busted" "plain" Text, |attempt| flaky_plugin_busted::parse(attempt);
    "cargo-test" "plain" Text, |attempt| flaky_plugin_cargo_test::CargoTest.parse(attempt);
    "cargo-test" "json" Text, |attempt| flaky_plugin_cargo_test::CargoTest.parse(attempt);
    "catch2" "3.7/console-all" Text, |attempt| flaky_plugin_catch2::Catch2.parse(attempt);
    "catch2" "3.7/xml" Element("Catch2TestRun"), |attempt| flaky_plugin_catch2::Catch2.parse(attempt);
    "ctest" "4.4/plain" Text, |attempt| flaky_plugin_ctest::Ctest.parse(attempt);
    "ctrf" "jest" Array("/results/tests"), |attempt| flaky_plugin_ctrf::Ctrf::default().parse(attempt);
    "cucumber" "11/json" Array(""), |attempt| flaky_plugin_cucumber::Cucumber.parse(attempt);
    "doctest" "2.5/console-all" Text, |attempt| flaky_plugin_doctest::Doctest.parse(attempt);
    "doctest" "2.5/xml" Element("doctest"), |attempt| flaky_plugin_doctest::Doctest.parse(attempt);
    "exunit" "trace" Text, |attempt| flaky_plugin_exunit::parse(attempt);
    "go" "1.27/verbose" Text, |attempt| flaky_plugin_go::Go.parse(attempt);
    "go" "1.27/json" Text, |attempt| flaky_plugin_go::Go.parse(attempt);
    "gradle" "4.4/all" Text, |attempt| flaky_plugin_gradle::Gradle.parse(attempt);
    "gtest" "1.18/plain" Text, |attempt| flaky_plugin_gtest::Gtest.parse(attempt);
    "jest" "30/json-file" Array("/testResults"), |attempt| flaky_plugin_jest::Jest.parse(attempt);
    "jest" "30/verbose" Text, |attempt| flaky_plugin_jest::Jest.parse(attempt);
    "junit5" "1.9/tree" Text, |attempt| flaky_plugin_junit5::Junit5.parse(attempt);
    "maven" "2.22/plain" Text, |attempt| flaky_plugin_maven::Maven.parse(attempt);
    "minitest" "verbose" Text, |attempt| flaky_plugin_minitest::parse(attempt);
    "mocha" "12/json" Array("/tests"), |attempt| flaky_plugin_mocha::Mocha.parse(attempt);
    "mocha" "12/json-stream" Text, |attempt| flaky_plugin_mocha::Mocha.parse(attempt);
    "nextest" "plain" Text, |attempt| flaky_plugin_nextest::Nextest.parse(attempt);
    "node-test" "24/spec" Text, |attempt| flaky_plugin_node_test::NodeTest.parse(attempt);
    "nunit" "three" Element("test-run"), |attempt| flaky_plugin_nunit::Nunit.parse(attempt);
    "phpunit" "testdox" Text, |attempt| flaky_plugin_phpunit::Phpunit.parse(attempt);
    "playwright" "new/json" Array("/suites"), |attempt| flaky_plugin_playwright::Playwright.parse(attempt);
    "robot" "recorded/xml-7" Element("robot"), |attempt| flaky_plugin_robot::Robot.parse(attempt);
    "rspec" "report" Text, |attempt| flaky_plugin_rspec::Rspec.parse(attempt);
    "rspec" "documentation" Text, |attempt| flaky_plugin_rspec::Rspec.parse(attempt);
    "tap" "node" Text, |attempt| flaky_plugin_tap::Tap.parse(attempt);
    "teamcity" "pytest" Text, |attempt| flaky_plugin_teamcity::parse(attempt);
    "trx" "mstest" Element("Results"), |attempt| flaky_plugin_trx::Trx.parse(attempt);
    "unittest" "recorded/verbose-3.13" Text, |attempt| flaky_plugin_unittest::Unittest.parse(attempt);
    "vitest" "4/json-file" Array("/testResults"), |attempt| flaky_plugin_vitest::Vitest.parse(attempt);
    "vitest" "4/verbose" Text, |attempt| flaky_plugin_vitest::Vitest.parse(attempt);
    "xunit" "three" Element("assemblies"), |attempt| flaky_plugin_xunit::Xunit.parse(attempt);
};

/// A recording, grown.
pub(crate) struct Grown {
    pub(crate) recorded: Recorded,
    pub(crate) attempt: AttemptInput,
    /// Of all sources.
    pub(crate) size: usize,
}

impl Recording {
    pub(crate) fn grown(&self) -> Result<Grown> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins").join(self.plugin);
        let all = Fixture::all(&folder.to_string_lossy());
        let wanted = |fixture: &&Fixture| fixture.name == self.fixture;
        let fixture =
            all.iter().find(wanted).ok_or_else(|| format!("{}: no {}", self.plugin, self.fixture))?;
        let largest = fixture.sources.iter().max_by_key(|(_, bytes)| bytes.len()).ok_or("no source")?;
        let times = LEAST_BYTES.div_ceil(largest.1.len());
        let long = self.grow.times(&largest.1, times)?;
        let recorded = fixture.replaced(&largest.0, long.clone());
        let sources: Vec<(String, Vec<u8>)> = fixture
            .sources
            .iter()
            .map(|(name, bytes)| {
                (name.clone(), if *name == largest.0 { long.clone() } else { bytes.clone() })
            })
            .collect();
        let size = sources.iter().map(|(_, bytes)| bytes.len()).sum();
        let attempt = input(&recorded, &sources);
        Ok(Grown { recorded, attempt, size })
    }
}

impl Grow {
    fn times(self, bytes: &[u8], times: usize) -> Result<Vec<u8>> {
        match self {
            Self::Text => Ok(bytes.repeat(times)),
            Self::Array(pointer) => {
                // Text may stand before the document.
                let start = bytes.iter().position(|byte| b"{[".contains(byte)).ok_or("no JSON")?;
                let mut documents = serde_json::Deserializer::from_slice(&bytes[start..]).into_iter();
                let mut document: serde_json::Value = documents.next().ok_or("no JSON")??;
                let rest = start + documents.byte_offset();
                let elements = document.pointer_mut(pointer).and_then(|found| found.as_array_mut());
                let elements = elements.ok_or_else(|| format!("no array at `{pointer}`"))?;
                let once = elements.clone();
                elements.extend(std::iter::repeat_n(once, times - 1).flatten());
                Ok([&bytes[..start], &serde_json::to_vec(&document)?, &bytes[rest..]].concat())
            }
            Self::Element(name) => {
                let text = std::str::from_utf8(bytes)?;
                let open = text.find(&format!("<{name}")).ok_or_else(|| format!("no <{name}>"))?;
                let inside = open + text[open..].find('>').ok_or("an open tag")? + 1;
                let end = text.rfind(&format!("</{name}>")).ok_or_else(|| format!("no </{name}>"))?;
                Ok([&text[..inside], &text[inside..end].repeat(times), &text[end..]].concat().into_bytes())
            }
        }
    }
}

fn input(recorded: &Recorded, sources: &[(String, Vec<u8>)]) -> AttemptInput {
    let blob = |bytes: &[u8]| BlobInput::Bytes(Arc::from(bytes));
    let named =
        |name: &str| sources.iter().find(|(found, _)| found == name).map_or(&[][..], |(_, bytes)| bytes);
    let below = |folder: &str| {
        let file =
            |(name, bytes): &(String, Vec<u8>)| Some((name.strip_prefix(folder)?.to_owned(), blob(bytes)));
        sources.iter().filter_map(file).collect()
    };
    let info = recorded.attempt();
    AttemptInput {
        index: AttemptIndex(0),
        seed: Seed(0),
        command: info.info().command.clone(),
        exit: Exit::Code(info.info().exit.code.unwrap_or(1)),
        duration: Duration::ZERO,
        conditions: Vec::new(),
        stdout: blob(named("stdout")),
        stderr: blob(named("stderr")),
        reports: below("report/"),
        tree: below("tree/"),
    }
}
