//! Orders of shards: every attempt is made ready here, with stand-ins for folders that only a worker knows, so that a
//! plugin never has to travel.

use std::collections::HashMap;
use std::time::Duration;

use flaky_core::ids::{AttemptIndex, RunId, Seed};
use flaky_core::report::IsolationUsed;
use flaky_plugin_host::{EnvChange, InstallPlan};
use flaky_runpod::wire::{
    ShardOrder, WIRE_VERSION, WireCommand, WireEnv, WireInstall, WireOrder, WireSource, WireStep, placeholder,
};

use crate::conduct::{Places, PlannedAttempt, instrument};
use crate::environment::Environment;
use crate::prepare::{Project, digest};

/// What all shards of a run have in common.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) run: RunId,
    pub(crate) source: WireSource,
    pub(crate) install: Option<WireInstall>,
    /// Variables that settings name.
    pub(crate) env: Vec<(String, String)>,
    /// Per attempt.
    pub(crate) timeout: Duration,
    pub(crate) report_globs: Vec<String>,
    pub(crate) tree_globs: Vec<String>,
    pub(crate) output_quota: u64,
    pub(crate) project: Project,
    /// What an installation adds.
    pub(crate) install_env: Vec<(String, EnvChange)>,
}

/// One attempt, ready to be put into an order.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    /// Its number in the order. That of the run, except where an attempt is repeated: there it would not be one.
    pub(crate) index: AttemptIndex,
    seed: Seed,
    command: WireCommand,
    support: Vec<(String, Vec<u8>)>,
}

impl Template {
    /// Makes one attempt ready.
    pub(crate) async fn ready(&self, index: AttemptIndex, planned: &PlannedAttempt) -> Ready {
        let mut env = Environment::default();
        for (name, value) in &self.env {
            env.set(name, value);
        }
        env.apply(&self.install_env);
        let own = planned.variables();
        let places = Places {
            report_dir: placeholder::REPORT_DIR.to_owned(),
            support_dir: placeholder::SUPPORT_DIR.to_owned(),
        };
        let (command, support) = instrument(&self.project, planned, places, &env).await;
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), WireEnv::Set(value)));
        Ready {
            index,
            seed: planned.seed,
            command: WireCommand {
                argv: command.argv,
                env: own.chain(changes(&command.env)).collect(),
                cwd: self.project.command.cwd.clone(),
            },
            support: support.into_iter().map(|file| (file.path, file.content)).collect(),
        }
    }

    /// The order of one shard.
    pub(crate) fn order(
        &self,
        shard: u32,
        level: IsolationUsed,
        parallelism: u32,
        attempts: &[Ready],
    ) -> ShardOrder {
        let mut blobs: Vec<Vec<u8>> = Vec::new();
        let mut known: HashMap<&[u8], u32> = HashMap::new();
        let attempts = attempts
            .iter()
            .map(|ready| WireOrder {
                index: ready.index,
                seed: ready.seed,
                command: ready.command.clone(),
                support: ready
                    .support
                    .iter()
                    .map(|(path, content)| {
                        let blob = *known.entry(content).or_insert_with(|| {
                            blobs.push(content.clone());
                            // An order is refused long before there are so many.
                            u32::try_from(blobs.len() - 1).unwrap_or(u32::MAX)
                        });
                        (path.clone(), blob)
                    })
                    .collect(),
            })
            .collect();
        ShardOrder {
            version: WIRE_VERSION,
            run: self.run.clone(),
            shard,
            source: self.source.clone(),
            install: self.install.clone(),
            isolation: level,
            parallelism,
            timeout: self.timeout,
            report_globs: self.report_globs.clone(),
            tree_globs: self.tree_globs.clone(),
            output_quota: self.output_quota,
            env: self.env.clone(),
            blobs,
            attempts,
        }
    }
}

/// An installation as a worker is told of it. Its key names the steps as well: another version of a plugin may
/// install the same project otherwise.
pub(crate) fn installation(plan: &InstallPlan, timeout: Duration) -> Option<WireInstall> {
    if plan.steps.is_empty() && plan.env.is_empty() {
        return None;
    }
    let mut cache_key = plan.cache_key.clone();
    if !cache_key.is_empty() {
        for step in &plan.steps {
            cache_key.push_str(&format!("\nstep {:?} in {:?}", step.command.argv, step.command.cwd));
        }
        // Plugins put whole files into it.
        cache_key = digest(&cache_key);
    }
    let steps = plan.steps.iter().map(|step| WireStep {
        title: step.title.clone(),
        command: WireCommand {
            argv: step.command.argv.clone(),
            env: changes(&step.command.env).collect(),
            cwd: step.command.cwd.clone(),
        },
    });
    Some(WireInstall { cache_key, steps: steps.collect(), env: changes(&plan.env).collect(), timeout })
}

fn changes(env: &[(String, EnvChange)]) -> impl Iterator<Item = (String, WireEnv)> + '_ {
    env.iter().map(|(name, change)| {
        let change = match change {
            EnvChange::Set(value) => WireEnv::Set(value.clone()),
            EnvChange::Remove => WireEnv::Remove,
            EnvChange::Prepend(value) => WireEnv::Prepend(value.clone()),
        };
        (name.clone(), change)
    })
}

#[cfg(test)]
mod tests {
    use flaky_plugin_host::{Command, InstallStep};

    use super::*;

    fn template() -> Template {
        Template {
            run: "r-1".parse().unwrap(),
            source: WireSource::Packed(vec![1]),
            install: None,
            env: vec![("A".into(), "b".into())],
            timeout: Duration::from_secs(3),
            report_globs: vec!["*.xml".into()],
            tree_globs: vec![],
            output_quota: 10,
            project: Project {
                framework: None,
                framework_name: "unknown".into(),
                root: String::new(),
                command: Command { argv: vec!["run".into()], env: vec![], cwd: "sub".into() },
            },
            install_env: vec![],
        }
    }

    fn planned(index: u32) -> PlannedAttempt {
        PlannedAttempt::new(AttemptIndex(index), index, Seed(u64::from(index) + 100))
    }

    #[tokio::test]
    async fn an_attempt_carries_its_seed_and_its_own_number_whatever_its_place_in_the_order() {
        let template = template();
        let ready = template.ready(AttemptIndex(0), &planned(7)).await;
        let order = template.order(2, IsolationUsed::Copy, 1, &[ready]);
        let attempt = &order.attempts[0];
        assert_eq!((attempt.index, attempt.seed), (AttemptIndex(0), Seed(107)));
        let set = |name: &str, value: &str| (name.to_owned(), WireEnv::Set(value.to_owned()));
        assert_eq!(attempt.command.env, [set("TEST_SEED", "107"), set("ATTEMPT", "7")]);
        assert_eq!((attempt.command.cwd.as_str(), order.shard), ("sub", 2));
        assert_eq!(order.env, [("A".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn support_files_of_the_same_content_travel_once() {
        let ready = |index, content: &[u8]| Ready {
            index: AttemptIndex(index),
            seed: Seed(1),
            command: WireCommand { argv: vec!["x".into()], env: vec![], cwd: String::new() },
            support: vec![("plugin.py".into(), content.to_vec()), ("same.py".into(), b"same".to_vec())],
        };
        let attempts = [ready(0, b"one"), ready(1, b"one"), ready(2, b"two")];
        let order = template().order(0, IsolationUsed::Full, 1, &attempts);
        assert_eq!(order.blobs, [b"one".to_vec(), b"same".to_vec(), b"two".to_vec()]);
        let named: Vec<Vec<u32>> =
            order.attempts.iter().map(|a| a.support.iter().map(|(_, blob)| *blob).collect()).collect();
        assert_eq!(named, [[0, 1], [0, 1], [2, 1]]);
    }

    #[test]
    fn an_installation_that_may_not_be_reused_stays_so() {
        let step = InstallStep {
            command: Command { argv: vec!["pip".into()], env: vec![], cwd: String::new() },
            title: "pip".into(),
            network: true,
        };
        let key = |cache_key: &str, steps: Vec<InstallStep>| {
            let plan = InstallPlan {
                steps,
                env: vec![("P".into(), EnvChange::Prepend("x".into()))],
                cache_key: cache_key.into(),
            };
            installation(&plan, Duration::from_secs(1)).unwrap().cache_key
        };
        assert_eq!(key("", vec![step.clone()]), "");
        assert_ne!(key("k", vec![step.clone()]), key("k", vec![]));
        let whole_files = key(&"requirements.txt:\npytest==9.2.0\n".repeat(1000), vec![step]);
        assert!(
            whole_files.len() == 64 && whole_files.bytes().all(|b| b.is_ascii_hexdigit()),
            "{whole_files}"
        );
        assert_eq!(installation(&InstallPlan::default(), Duration::ZERO), None);
    }
}
