//! What was typed.

use flaky_core::grant::Grant;
use flaky_core::ids::TestId;
use flaky_core::settings::{
    BackendKind, Condition, Dollars, FailOn, IsolationChoice, NetworkChoice, Parallelism, Repetitions, Runs,
    Shards, StopRule, TimeBudget, TimeoutSeconds,
};

use crate::command::TestCommand;
use crate::environment::Environment;
use crate::plugin::PluginAddress;
use crate::suites::WorkingDirectory;

/// What was given on the command line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FlagSettings {
    /// `--runs`.
    pub runs: Option<Runs>,
    /// `--parallelism`.
    pub parallelism: Option<Parallelism>,
    /// `--timeout`.
    pub timeout: Option<TimeoutSeconds>,
    /// `--test-command`, or what follows `--`.
    pub test_command: Option<TestCommand>,
    /// `--seed`: the master seed.
    pub seed: Option<u64>,
    /// `--first-seed`.
    pub first_seed: Option<u64>,
    /// `--isolation`.
    pub isolation: Option<IsolationChoice>,
    /// `--network`.
    pub network: Option<NetworkChoice>,
    /// `--stop`.
    pub stop: Option<StopRule>,
    /// `--fail-on`.
    pub fail_on: Option<FailOn>,
    /// `--plugin`, each.
    pub plugins: Vec<PluginAddress>,
    /// `--grant`, each: for the plugins of the command line.
    pub grants: Vec<Grant>,
    /// `--env`, each.
    pub env: Environment,
    /// `--no-install`.
    pub auto_install: Option<bool>,
    /// `--backend`.
    pub backend: Option<BackendKind>,
    /// `--endpoint`, as it was written.
    pub endpoint: Option<String>,
    /// `--shards`.
    pub shards: Option<Shards>,
    /// `--budget-usd`.
    pub budget: Option<Dollars>,
    /// `--budget`.
    pub time_budget: Option<TimeBudget>,
    /// `--reproduce`.
    pub reproduce: Option<Repetitions>,
    /// `--shuffle`.
    pub conditions: Option<Vec<Condition>>,
    /// `--failed-in-ci`, each.
    pub failed_in_ci: Vec<TestId>,
    /// `--test`, each.
    pub tests: Vec<TestId>,
    /// `--working-directory`.
    pub working_directory: Option<WorkingDirectory>,
    /// Who asks, which decides what holds where nobody said anything.
    pub asked_by: AskedBy,
}

/// Who asks for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AskedBy {
    /// A job: it gets the number of attempts that it counts on.
    #[default]
    Job,
    /// Somebody at a terminal, or a script that runs the command: it ends when enough is known.
    Terminal,
}
