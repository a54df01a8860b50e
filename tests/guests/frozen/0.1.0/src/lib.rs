//! Every role of contract 0.1.0 in one plugin, which uses every function that the contract gives it.

use std::sync::Mutex;

wit_bindgen::generate!({
    path: "../../../../wit/0.1.0",
    inline: "
        package flaky:frozen;
        world all {
            import flaky:plugin/log@0.1.0;
            import flaky:plugin/inputs@0.1.0;
            export flaky:plugin/plugin@0.1.0;
            export flaky:plugin/parser@0.1.0;
            export flaky:plugin/framework@0.1.0;
            export flaky:plugin/policy@0.1.0;
            export flaky:plugin/reporter@0.1.0;
        }
    ",
    world: "flaky:frozen/all",
    generate_all,
});

use exports::flaky::plugin::plugin::{Guest, Manifest, Want};
use exports::flaky::plugin::{framework, parser, policy, reporter};
use flaky::plugin::inputs::{Attempt, Blob, Project};
use flaky::plugin::log::{Level, write};
use flaky::plugin::types::{
    Category, Completeness, Diagnostic, DiagnosticLevel, Failure, Location, Outcome, PluginError, Severity, Source,
    TestResult,
};

struct Frozen;

export!(Frozen);

static SETTINGS: Mutex<String> = Mutex::new(String::new());

impl Guest for Frozen {
    fn describe() -> Manifest {
        Manifest {
            name: "frozen".into(),
            version: "1.2.3".into(),
            summary: "every role of contract 0.1.0".into(),
            settings_schema: r#"{"type": "object", "properties": {"refuse": {"type": "boolean"}}}"#.into(),
            wants: vec![
                Want::ReportFiles("*.txt".into()),
                Want::TreeFiles("out/*.txt".into()),
                Want::ProjectFiles("*.ini".into()),
                Want::Commands,
            ],
        }
    }

    fn configure(settings: String) -> Result<(), PluginError> {
        for level in [Level::Debug, Level::Info, Level::Warn, Level::Error] {
            write(level, &settings);
        }
        if settings.contains("\"refuse\":true") {
            return Err(PluginError {
                code: "refused".into(),
                message: "as asked for".into(),
                hint: Some("do not ask".into()),
                at: None,
            });
        }
        *SETTINGS.lock().unwrap() = settings;
        Ok(())
    }
}

/// All of a blob by both ways of reading it, which must agree.
fn text(blob: &Blob) -> String {
    let mut bytes = Vec::new();
    loop {
        let chunk = blob.read(bytes.len() as u64, 5);
        if chunk.is_empty() {
            break;
        }
        bytes.extend(chunk);
    }
    let (mut text, mut at) = (String::new(), 0);
    while at < blob.size() {
        let chunk = blob.read_text(at, 5);
        text.push_str(&chunk.text);
        at = chunk.next;
    }
    assert_eq!(String::from_utf8_lossy(&bytes), text);
    text
}

impl parser::Guest for Frozen {
    /// A test per word of every source: `name=outcome`.
    fn parse(attempt: &Attempt) -> Result<parser::ParsedAttempt, PluginError> {
        let info = attempt.info();
        let mut tests = Vec::new();
        for source in &info.sources {
            let Some(blob) = attempt.open(source) else { continue };
            let place = match source {
                Source::Stdout => "stdout",
                Source::Stderr => "stderr",
                Source::Report(path) | Source::Tree(path) => path,
            };
            for word in text(&blob).split_whitespace() {
                let Some((name, outcome)) = word.split_once('=') else {
                    return Err(PluginError {
                        code: "no-outcome".into(),
                        message: word.into(),
                        hint: None,
                        at: Some((source.clone(), 0)),
                    });
                };
                tests.push(test(place, name, outcome, blob.cut().is_some()));
            }
        }
        let diagnostic = Diagnostic {
            level: DiagnosticLevel::Warning,
            code: "seen".into(),
            message: format!(
                "attempt {} seed {} command {:?} exit {:?} {:?} {} in {} ns, {:?}",
                info.index,
                info.seed,
                info.command,
                info.exit.code,
                info.exit.signal,
                info.exit.timed_out,
                info.duration_ns,
                info.conditions
            ),
            hint: Some("none".into()),
            location: Some(Location { file: "a.txt".into(), line: Some(1) }),
            at: Some((Source::Stdout, 0)),
        };
        Ok(parser::ParsedAttempt {
            format: "frozen".into(),
            tests,
            completeness: Completeness::Complete,
            announced: vec!["announced".into()],
            diagnostics: vec![diagnostic],
        })
    }
}

fn test(place: &str, name: &str, outcome: &str, cut: bool) -> TestResult {
    let outcome = match outcome {
        "passed" => Outcome::Passed,
        "failed" => Outcome::Failed,
        "errored" => Outcome::Errored,
        "skipped" => Outcome::Skipped,
        "expected" => Outcome::ExpectedFailure,
        "unexpected" => Outcome::UnexpectedPass,
        "late" => Outcome::TimedOut,
        "crashed" => Outcome::Crashed,
        "not-run" => Outcome::NotRun,
        _ => Outcome::Unknown,
    };
    let failed = outcome == Outcome::Failed;
    TestResult {
        id: format!("{place}::{name}"),
        name: Some(name.into()),
        outcome,
        duration_ns: Some(7),
        failure: failed.then(|| Failure { kind: "K".into(), message: "m".into(), trace: format!("cut {cut}") }),
        location: Some(Location { file: place.into(), line: None }),
        tries: if failed { vec![Outcome::Failed, Outcome::Failed] } else { Vec::new() },
    }
}

fn command(argv: &[&str]) -> framework::Command {
    let env = vec![
        ("A".into(), framework::EnvChange::Set("1".into())),
        ("B".into(), framework::EnvChange::Remove),
        ("PATH".into(), framework::EnvChange::Prepend("bin".into())),
    ];
    framework::Command { argv: argv.iter().map(|a| (*a).into()).collect(), env, cwd: "sub".into() }
}

impl framework::Guest for Frozen {
    fn detect(project: &Project) -> Result<Vec<framework::Detection>, PluginError> {
        let seen: Vec<String> =
            project.files().iter().filter_map(|f| Some(format!("{f}:{}", text(&project.open(f)?)))).collect();
        Ok(vec![framework::Detection {
            name: "frozen".into(),
            root: "sub".into(),
            confidence: 90,
            reason: seen.join(" "),
            default_command: command(&["frozen"]),
        }])
    }

    fn recognises(argv: Vec<String>) -> bool {
        argv.first().is_some_and(|program| program == "frozen")
    }

    fn install(_: &Project, root: String, env_dir: String) -> Result<framework::InstallPlan, PluginError> {
        let step = framework::InstallStep { command: command(&["get", &root]), title: env_dir, network: true };
        Ok(framework::InstallPlan { steps: vec![step], env: Vec::new(), cache_key: "key".into() })
    }

    fn instrument(
        mut command: framework::Command,
        context: framework::AttemptContext,
    ) -> Result<framework::Instrumented, PluginError> {
        command.argv.push(format!(
            "{} {} {} {} {} {:?}",
            context.index, context.seed, context.report_dir, context.support_dir, context.shuffle, context.workers
        ));
        let file = framework::SupportFile { path: "a/b".into(), content: b"content".to_vec() };
        Ok(framework::Instrumented { command, support_files: vec![file] })
    }

    fn select(
        mut command: framework::Command,
        selection: framework::Selection,
    ) -> Result<framework::Command, PluginError> {
        match selection {
            framework::Selection::Only(tests) => command.argv.extend(tests),
            framework::Selection::Without(tests) => command.argv.extend(tests.iter().map(|t| format!("-{t}"))),
        }
        Ok(command)
    }
}

fn verdict(reason: String) -> policy::Verdict {
    policy::Verdict {
        category: Category::Flaky,
        severity: Severity::Low,
        confidence: 0.5,
        reason,
        tags: vec![("of".into(), "0.1.0".into())],
    }
}

impl policy::Guest for Frozen {
    /// Says something of every test that failed.
    fn classify(batch: Vec<policy::Evidence>) -> Result<Vec<Option<policy::Verdict>>, PluginError> {
        let judge = |test: &policy::Evidence| {
            let said = format!(
                "{}: {} of {}, {:.2} in {:.2} to {:.2}, seeds {:?}",
                test.id, test.failures, test.counts.ran, test.rate, test.interval.low, test.interval.high, test.failing_seeds
            );
            (test.failures > 0).then(|| verdict(said))
        };
        Ok(batch.iter().map(judge).collect())
    }

    fn summarise(run: policy::RunSummary) -> Result<Option<policy::Verdict>, PluginError> {
        Ok(Some(verdict(format!("{} of {} attempts, {} verdicts", run.failures, run.total_runs, run.verdicts.len()))))
    }
}

impl reporter::Guest for Frozen {
    /// One delivery of every kind.
    fn render(report: &Blob, context: reporter::RenderContext) -> Result<Vec<reporter::Delivery>, PluginError> {
        let said = format!(
            "{} {:?} {} {} {}",
            text(report),
            context.width,
            context.colour,
            context.report_version,
            SETTINGS.lock().unwrap()
        );
        let annotation = |level| reporter::Annotation {
            level,
            file: "a.py".into(),
            line: Some(3),
            title: "t".into(),
            message: "m".into(),
        };
        let annotations = vec![
            annotation(reporter::AnnotationLevel::Notice),
            annotation(reporter::AnnotationLevel::Warning),
            annotation(reporter::AnnotationLevel::Failure),
        ];
        Ok(vec![
            reporter::Delivery::Stdout(said),
            reporter::Delivery::File(reporter::File { path: "a/b.txt".into(), content: b"c".to_vec() }),
            reporter::Delivery::Http(reporter::HttpRequest {
                method: "POST".into(),
                url: "https://example.org/".into(),
                headers: vec![("a".into(), "b".into())],
                body: b"{}".to_vec(),
            }),
            reporter::Delivery::PullRequestComment(reporter::Comment { key: "k".into(), body: "b".into() }),
            reporter::Delivery::JobSummary("s".into()),
            reporter::Delivery::Annotations(annotations.clone()),
            reporter::Delivery::CheckRun(reporter::CheckRun {
                name: "n".into(),
                conclusion: "neutral".into(),
                title: "t".into(),
                summary: "s".into(),
                annotations,
            }),
            reporter::Delivery::Outputs(vec![("a".into(), "b".into())]),
            reporter::Delivery::Other(reporter::Other { kind: "some-kind".into(), body: "{}".into() }),
        ])
    }
}
