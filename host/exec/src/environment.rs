//! The environment that tests inherit: the user's, less secrets that tests have no business with.
//!
//! Tests are the code of whoever wrote the pull request. On a developer's machine that is the developer; in CI it may
//! be anybody, and what a job's environment holds is worth stealing. A variable that tests do need is named in the
//! configuration's `env` or with `--env`; what was withheld is said by name.

use std::ffi::{OsStr, OsString};

/// What tests inherit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inherited {
    /// In the order given.
    pub variables: Vec<(OsString, OsString)>,
    /// Names of those that are not passed on, sorted; their values are nowhere kept.
    pub withheld: Vec<String>,
}

/// Which names a rule means. Letters of either case: `npm_config__auth` is as secret as `NPM_CONFIG__AUTH`.
#[derive(Debug, Clone, Copy)]
enum Names {
    /// This one.
    Exactly(&'static str),
    /// All that begin so.
    Starting(&'static str),
    /// This word alone or at the end, after an underscore.
    LastWord(&'static str),
}
use Names::{Exactly, LastWord, Starting};

/// What is not passed on, and why.
const WITHHELD: &[(Names, &str)] = &[
    (Starting("RUNPOD_"), "the API key that pays for machines, and what belongs to it"),
    (Starting("FLAKY_"), "our own settings and secrets"),
    (Starting("INPUT_"), "inputs of a GitHub action, tokens among them"),
    (Starting("ACTIONS_"), "tokens of GitHub's runner: caches, artifacts, identities for clouds"),
    (Exactly("GITHUB_ENV"), "whoever writes to this file sets variables of later steps"),
    (Exactly("GITHUB_PATH"), "whoever writes to this file chooses programs of later steps"),
    (Exactly("GITHUB_OUTPUT"), "whoever writes to this file chooses outputs of this step"),
    (Exactly("GITHUB_STATE"), "whoever writes to this file chooses what the action's clean-up does"),
    (Exactly("GITHUB_STEP_SUMMARY"), "a hundred attempts would each write to the job's summary"),
    (Exactly("SYSTEM_ACCESSTOKEN"), "Azure Pipelines' token"),
    (Starting("CI_JOB_JWT"), "GitLab's identity for clouds"),
    (Exactly("DOCKER_AUTH_CONFIG"), "GitLab's registry passwords"),
    (Exactly("SSH_AUTH_SOCK"), "the agent signs in wherever its keys are accepted"),
    (Exactly("SSH_AGENT_PID"), "belongs to the agent"),
    (Exactly("GPG_AGENT_INFO"), "the agent signs with the user's key"),
    (Exactly("AWS_ACCESS_KEY_ID"), "one half of a pair; alone it only makes clients fail late"),
    (Starting("AWS_CONTAINER_CREDENTIALS_"), "where to fetch the credentials of the machine"),
    (Starting("AWS_WEB_IDENTITY_"), "an identity for a cloud"),
    (Starting("NPM_CONFIG__AUTH"), "npm's registry passwords"),
    (
        LastWord("TOKEN"),
        "GITHUB_TOKEN, GH_TOKEN, CI_JOB_TOKEN, NPM_TOKEN, AWS_SESSION_TOKEN: may write, publish or sign in",
    ),
    (LastWord("PAT"), "personal access tokens"),
    (LastWord("SECRET"), "AZURE_CLIENT_SECRET and the like"),
    (LastWord("SECRET_KEY"), "signing keys, Stripe's among them"),
    (LastWord("API_KEY"), "cost money when used"),
    (LastWord("APIKEY"), "the same"),
    (LastWord("ACCESS_KEY"), "AWS_SECRET_ACCESS_KEY, AZURE_STORAGE_ACCESS_KEY"),
    (LastWord("PRIVATE_KEY"), "sign in or sign packages"),
    (LastWord("PASSWORD"), "CI_REGISTRY_PASSWORD, TWINE_PASSWORD"),
    (LastWord("PASSPHRASE"), "unlocks a key"),
    (LastWord("CREDENTIALS"), "GOOGLE_APPLICATION_CREDENTIALS and the like"),
    (LastWord("WEBHOOK_URL"), "SLACK_WEBHOOK_URL: whoever has it writes to the channel"),
    (LastWord("WEBHOOK"), "the same"),
];

/// What is passed on although a rule above means it, and why: without it, suites would fail for our sake.
const PASSED: &[(Names, &str)] = &[
    (Starting("POSTGRES"), "passwords of databases that were started for the tests"),
    (Starting("MYSQL_"), "the same"),
    (Starting("MARIADB_"), "the same"),
    (Starting("MONGO"), "the same"),
    (Starting("REDIS_"), "the same"),
    (Starting("RABBITMQ_"), "the same, for a queue"),
    (Starting("DB_"), "the same, as frameworks name it"),
    (Starting("DATABASE_"), "the same"),
    (Starting("TEST_"), "made for the tests"),
    (LastWord("DB_PASSWORD"), "the same as `DB_`"),
];

/// Divides the variables of a process into those that tests inherit and those that are withheld.
pub fn inherited(variables: impl Iterator<Item = (OsString, OsString)>) -> Inherited {
    let mut inherited = Inherited::default();
    for (name, value) in variables {
        if is_withheld(&name) {
            inherited.withheld.push(name.to_string_lossy().into_owned());
        } else {
            inherited.variables.push((name, value));
        }
    }
    inherited.withheld.sort();
    inherited.withheld.dedup();
    inherited
}

fn is_withheld(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    let among = |table: &[(Names, &str)]| table.iter().any(|(names, _)| names.include(&name));
    // Of ours none is for tests: `FLAKY_HISTORY_DB_PASSWORD` is no password of a database that was started for them.
    among(WITHHELD) && (name.starts_with("FLAKY_") || !among(PASSED))
}

impl Names {
    /// `name` in upper case.
    fn include(self, name: &str) -> bool {
        match self {
            Exactly(this) => name == this,
            Starting(start) => name.starts_with(start),
            LastWord(word) => {
                name.strip_suffix(word).is_some_and(|before| before.is_empty() || before.ends_with('_'))
            }
        }
    }
}
