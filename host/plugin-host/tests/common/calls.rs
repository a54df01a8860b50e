//! Calling every function of a plugin with something honest.

use std::sync::Arc;

use flaky_core::evidence::{Bounds, Counts, Evidence, Interval};
use flaky_core::ids::{AttemptIndex, Seed, TestId};
use flaky_core::verdict::{Category, Severity, Verdict};
use flaky_plugin_host::{
    AttemptContext, Call, Command, Plugin, PluginError, ProjectInput, RenderContext, RunSummary, Selection,
};

use super::attempt;

/// Every call that settings can make misbehave, by its name in the contract.
pub(crate) const CALLS: [(&str, Call); 9] = [
    ("parse", Call::Parse),
    ("detect", Call::Detect),
    ("recognises", Call::Recognises),
    ("install", Call::Install),
    ("instrument", Call::Instrument),
    ("select", Call::Select),
    ("classify", Call::Classify),
    ("summarise", Call::Summarise),
    ("render", Call::Render),
];

pub(crate) fn command() -> Command {
    Command { argv: vec!["pytest".into()], ..Command::default() }
}

pub(crate) fn evidence() -> Evidence {
    Evidence {
        counts: Counts { ran: 10, failed: 3, passed: 7, ..Counts::default() },
        rate: 0.3,
        interval: Interval { low: 0.1, high: 0.6, level: 0.95 },
        bounds: Bounds { failure_at_most: 0.6, pass_at_most: 0.9, level: 0.95 },
        failing_attempts: vec![AttemptIndex(1)],
        failing_seeds: vec![Seed(7)],
        ..Evidence::new(TestId::new("t"))
    }
}

pub(crate) fn summary() -> RunSummary {
    let verdict = Verdict {
        category: Category::Flaky,
        severity: Severity::Low,
        confidence: 1.0,
        reason: "r".into(),
        tags: Vec::new(),
    };
    RunSummary { total_runs: 10, failures: 3, verdicts: vec![(TestId::new("t"), verdict)] }
}

pub(crate) async fn call(plugin: &Plugin, call: Call) -> Result<String, PluginError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.ini"), "text").unwrap();
    let project = ProjectInput { root: folder.path().to_owned() };
    let context = AttemptContext {
        index: AttemptIndex(1),
        seed: Seed(2),
        report_dir: "/r".into(),
        support_dir: "/s".into(),
        shuffle: false,
        workers: None,
    };
    Ok(match call {
        Call::Parse => format!("{:?}", plugin.parse(&attempt("")).await?),
        Call::Detect => format!("{:?}", plugin.detect(&project).await?),
        Call::Recognises => format!("{:?}", plugin.recognises(&["hostile".to_owned()]).await?),
        Call::Install => format!("{:?}", plugin.install(&project, "root", "/env").await?),
        Call::Instrument => format!("{:?}", plugin.instrument(&command(), &context).await?),
        Call::Select => {
            let only = Selection::Only(vec![TestId::new("a::b")]);
            format!("{:?}", plugin.select(&command(), &only).await?)
        }
        Call::Classify => format!("{:?}", plugin.classify(&[evidence()]).await?),
        Call::Summarise => format!("{:?}", plugin.summarise(&summary()).await?),
        Call::Render => {
            format!("{:?}", plugin.render(Arc::from(&b"{}"[..]), RenderContext::default()).await?)
        }
        other => panic!("{other} has no settings"),
    })
}
