//! What each key of a job may hold, once: the reader and the schema are both made of it.

use flaky_core::ids::MAX_TEST_ID_BYTES;
use flaky_core::settings::{Parallelism, Runs, TimeoutSeconds, defaults};

/// Every key of a job's input.
pub(super) const KEYS: [&str; 15] = [
    REPO.key,
    TEST_COMMAND.key,
    RUNS.key,
    PARALLELISM.key,
    FRAMEWORK.key,
    REFERENCE.key,
    COMMIT.key,
    SEED.key,
    TIMEOUT.key,
    ENV.key,
    STOP.key,
    TESTS.key,
    PLUGINS.key,
    GIT_TOKEN.key,
    SHARD.key,
];

/// A key, and what it means to whoever writes a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) description: &'static str,
}

/// A whole number, or its digits as text.
#[derive(Debug, Clone, Copy)]
pub(super) struct NumberField {
    pub(super) key: &'static str,
    /// The name that opens the message: the original's sentences begin with a capital.
    pub(super) name: &'static str,
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) default: Option<u64>,
    pub(super) description: &'static str,
}

/// A text that a pattern describes.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextField {
    pub(super) key: &'static str,
    /// Opens every message about it.
    pub(super) sentence: &'static str,
    /// ECMA-262 regular expression, for the schema.
    pub(super) pattern: &'static str,
    /// Bytes; in the schema characters, which are never more.
    pub(super) longest: usize,
    pub(super) description: &'static str,
}

/// Longest repository or command taken, in bytes: the longest path that systems allow, and a command line that a
/// person could still read.
const MAX_REPO_BYTES: usize = 4096;
const MAX_COMMAND_BYTES: usize = 64 * 1024;

/// Longest reference, in bytes: what servers keep as a file name.
const MAX_REF_BYTES: usize = 255;

/// Tokens of the large hosts have 40 to 255 characters; signed ones (JWT) can have a few thousand.
const MAX_TOKEN_BYTES: usize = 8192;

/// Tests that a job can name: they all go into one command line, of which systems allow 2 MB.
pub(super) const MAX_TESTS: usize = 1000;

/// Longest test id taken, in bytes.
pub(super) const MAX_TEST_BYTES: usize = MAX_TEST_ID_BYTES;

/// Plugins that a job can name: each is a component to load before the first attempt.
pub(super) const MAX_PLUGINS: usize = 32;

pub(super) const REPO: TextField = TextField {
    key: "repo",
    sentence: "Repository URL is required",
    pattern: r"\S",
    longest: MAX_REPO_BYTES,
    description: "URL of the repository: `https://…`, `ssh://…` or `git@host:path`. A local path only where the worker was \
                  started for local use.",
};

pub(super) const TEST_COMMAND: TextField = TextField {
    key: "test_command",
    sentence: "Test command is required",
    pattern: r"\S",
    longest: MAX_COMMAND_BYTES,
    description: "The command that runs the tests, split into words as a shell would; no shell is involved. An endpoint may \
                  have a default for it.",
};

pub(super) const RUNS: NumberField = NumberField {
    key: "runs",
    name: "Runs",
    min: Runs::MIN as u64,
    max: Runs::MAX as u64,
    default: Some(defaults::RUNS.get() as u64),
    description: "How many attempts are made.",
};

pub(super) const PARALLELISM: NumberField = NumberField {
    key: "parallelism",
    name: "Parallelism",
    min: Parallelism::MIN as u64,
    max: Parallelism::MAX as u64,
    default: Some(defaults::PARALLELISM.get() as u64),
    description: "How many attempts run side by side.",
};

pub(super) const TIMEOUT: NumberField = NumberField {
    key: "timeout",
    name: "Timeout",
    min: TimeoutSeconds::MIN as u64,
    max: TimeoutSeconds::MAX as u64,
    default: Some(defaults::TIMEOUT.get() as u64),
    description: "Seconds after which one attempt is ended.",
};

pub(super) const SEED: NumberField = NumberField {
    key: "seed",
    name: "seed",
    min: 0,
    max: u64::MAX,
    default: None,
    description: "Master seed that the attempts' seeds are drawn with: the same one gives the same seeds.",
};

pub(super) const REFERENCE: TextField = TextField {
    key: "ref",
    sentence: "ref must be the name of a branch or tag, or a full reference",
    pattern: r"^[^-\s][^\s]*$",
    longest: MAX_REF_BYTES,
    description: "Branch, tag or full reference, such as `refs/pull/7/head`; the repository's default branch if it is left \
                  out.",
};

pub(super) const COMMIT: TextField = TextField {
    key: "commit",
    sentence: "commit must be 7 to 64 hexadecimal digits",
    pattern: "^[0-9a-fA-F]{7,64}$",
    longest: 64,
    description: "The commit to test. With `ref`, it must be in the history of that reference.",
};

pub(super) const GIT_TOKEN: TextField = TextField {
    key: "git_token",
    sentence: "git_token must be an access token: visible ASCII characters without blanks",
    pattern: r"^[!-~]+$",
    longest: MAX_TOKEN_BYTES,
    description: "Access token for fetching the repository over https. The platform keeps job inputs for half an hour and \
                  more: give only one that ends by itself within minutes, such as a workflow's own; long-lived ones belong \
                  into the endpoint's variable `FLAKY_GIT_TOKEN`.",
};

pub(super) const FRAMEWORK: Field = Field {
    key: "framework",
    description: "The framework's name for the output; found out by itself if it is left out.",
};

pub(super) const STOP: Field =
    Field { key: "stop", description: "When the run may end before all its attempts are done." };

pub(super) const ENV: Field =
    Field { key: "env", description: "Environment variables for the test command." };

pub(super) const TESTS: Field = Field {
    key: "tests",
    description: "Run only these tests, named as the framework names them; everything that the command runs if it is left \
                  out or empty. Needs a framework whose plugin can select tests.",
};

pub(super) const PLUGINS: Field = Field {
    key: "plugins",
    description: "Plugins to load beside the bundled ones: `builtin:NAME`, or a path where the worker was started for local \
                  use.",
};

pub(super) const SHARD: Field = Field {
    key: "shard",
    description: "A part of a run that another `flaky` conducts, in its wire format. Beside it only `git_token` means \
                  something.",
};
