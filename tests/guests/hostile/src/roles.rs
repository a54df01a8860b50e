//! All roles but the plain parser.

use crate::exports::flaky::plugin::{framework, packed_parser, policy, reporter};
use crate::flaky::plugin::inputs::{Attempt, Blob, Project};
use crate::flaky::plugin::types::{
    Category, Completeness, Failure, Outcome, PackedTests, PluginError, Severity, Source,
};
use crate::{Hostile, asked, deed, deeds};

impl packed_parser::Guest for Hostile {
    fn parse(attempt: &Attempt) -> Result<packed_parser::PackedAttempt, PluginError> {
        deed("parse")?;
        let what = asked("parse").unwrap_or_default();
        deeds::with_attempt(&what, attempt);
        let failure = || Failure { kind: "E".into(), message: "m".into(), trace: "t\u{1b}[2J".into() };
        let mut tests = PackedTests {
            ids: b"first\xc3\xa9second".to_vec(),
            id_ends: vec![7, 13],
            name_starts: vec![5, 0],
            outcomes: vec![0, 1],
            durations_ns: vec![5, u64::MAX],
            files: vec!["t.py".into()],
            file_of: vec![0, u32::MAX],
            lines: vec![3, 0],
            failures: vec![(1, failure())],
            tries: vec![(1, vec![Outcome::Failed, Outcome::Failed])],
        };
        match what.as_str() {
            "big" => tests.ids = vec![b'x'; 200 << 20],
            "many" => {
                tests = PackedTests { id_ends: vec![0; 1_000_000], ..empty() };
            }
            "text" => return Ok(whole(text_tests(attempt))),
            "utf8" => tests.ids[9] = 0xff,
            "split" => tests.id_ends[0] = 6,
            "ends" => tests.id_ends[1] = 12,
            "descending" => tests.id_ends = vec![13, 7],
            "names" => tests.name_starts.truncate(1),
            "name" => tests.name_starts[1] = 7,
            "name-split" => tests.name_starts[0] = 6,
            "outcome" => tests.outcomes[1] = 10,
            "outcomes" => tests.outcomes.push(0),
            "durations" => tests.durations_ns.truncate(1),
            "negative" => tests.durations_ns[0] = (-5_i64).cast_unsigned(),
            "files" => tests.file_of.push(0),
            "file" => tests.file_of[1] = 1,
            "lines" => tests.lines.truncate(1),
            "failure" => tests.failures[0].0 = 2,
            "failures" => tests.failures = vec![(1, failure()), (0, failure())],
            "tries" => tests.tries[0].1 = vec![Outcome::Failed; 2_000],
            "tries-twice" => tests.tries = vec![(1, vec![Outcome::Failed]), (1, vec![Outcome::Failed])],
            "control" => {
                tests = PackedTests { ids: b"a\x1b[2Ja\x07[2J".to_vec(), id_ends: vec![5, 10], ..empty() };
            }
            "bare" => tests = PackedTests { ids: b"ab".to_vec(), id_ends: vec![1, 2], ..empty() },
            "none" => tests = empty(),
            _ => {}
        }
        Ok(whole(tests))
    }
}

fn whole(tests: PackedTests) -> packed_parser::PackedAttempt {
    packed_parser::PackedAttempt {
        format: "hostile".into(),
        tests,
        completeness: Completeness::Complete,
        announced: Vec::new(),
        diagnostics: Vec::new(),
    }
}

fn empty() -> PackedTests {
    PackedTests {
        ids: Vec::new(),
        id_ends: Vec::new(),
        name_starts: Vec::new(),
        outcomes: Vec::new(),
        durations_ns: Vec::new(),
        files: Vec::new(),
        file_of: Vec::new(),
        lines: Vec::new(),
        failures: Vec::new(),
        tries: Vec::new(),
    }
}

/// One test per line of standard output, for measuring: `… PASSED` or `… FAILED`.
fn text_tests(attempt: &Attempt) -> PackedTests {
    let mut tests = empty();
    let blob = attempt.open(&Source::Stdout).unwrap();
    let size = blob.size() as usize;
    tests.ids.reserve(size);
    tests.id_ends.reserve(size / 40);
    tests.outcomes.reserve(size / 40);
    let (mut offset, mut rest) = (0, Vec::new());
    loop {
        let chunk = blob.read(offset, 64 << 10);
        if chunk.is_empty() {
            break;
        }
        offset += chunk.len() as u64;
        let mut from = 0;
        while let Some(length) = chunk[from..].iter().position(|b| *b == b'\n') {
            let part = &chunk[from..from + length];
            if rest.is_empty() {
                line(&mut tests, part);
            } else {
                rest.extend_from_slice(part);
                line(&mut tests, &rest);
                rest.clear();
            }
            from += length + 1;
        }
        rest.extend_from_slice(&chunk[from..]);
    }
    tests
}

fn line(tests: &mut PackedTests, line: &[u8]) {
    let (id, outcome) = if let Some(id) = line.strip_suffix(b" PASSED") {
        (id, 0)
    } else if let Some(id) = line.strip_suffix(b" FAILED") {
        (id, 1)
    } else {
        return;
    };
    tests.ids.extend_from_slice(id);
    tests.id_ends.push(tests.ids.len() as u32);
    tests.outcomes.push(outcome);
}

impl framework::Guest for Hostile {
    fn detect(project: &Project) -> Result<Vec<framework::Detection>, PluginError> {
        deed("detect")?;
        let what = asked("detect").unwrap_or_default();
        let files = project.files();
        let seen: Vec<String> = files
            .iter()
            .map(|f| {
                let blob = project.open(f).unwrap();
                format!("{f}={}", blob.read_text(0, 100).text)
            })
            .collect();
        let mut found = framework::Detection {
            name: "hostile".into(),
            root: String::new(),
            confidence: 100,
            reason: seen.join(" "),
            default_command: good_command(),
        };
        match what.as_str() {
            "confidence" => found.confidence = 101,
            "outside" => found.root = "../..".into(),
            "secret" => found.reason = format!("{}", project.open("../secret.ini").is_some()),
            "program" => found.default_command.argv.clear(),
            "many" => return Ok((0..2_000).map(|_| found.clone()).collect()),
            _ => {}
        }
        Ok(vec![found])
    }

    fn recognises(argv: Vec<String>) -> bool {
        deed("recognises").ok();
        argv.first().is_some_and(|p| p == "hostile")
    }

    fn install(_: &Project, root: String, env_dir: String) -> Result<framework::InstallPlan, PluginError> {
        deed("install")?;
        let mut plan = framework::InstallPlan {
            steps: vec![framework::InstallStep {
                command: good_command(),
                title: format!("{root}\n{env_dir}"),
                network: true,
            }],
            env: vec![("PATH".into(), framework::EnvChange::Prepend("x".into()))],
            cache_key: "k".into(),
        };
        match asked("install").unwrap_or_default().as_str() {
            "steps" => plan.steps = vec![plan.steps[0].clone(); 200],
            "variable" => plan.env[0].0 = "A=B".into(),
            _ => {}
        }
        Ok(plan)
    }

    fn instrument(
        mut command: framework::Command,
        context: framework::AttemptContext,
    ) -> Result<framework::Instrumented, PluginError> {
        deed("instrument")?;
        command.argv.push(format!("{}:{}", context.index, context.seed));
        let mut path = "support.py".to_owned();
        match asked("instrument").unwrap_or_default().as_str() {
            "outside" => path = "../x".into(),
            "nul" => command.argv.push("a\0b".into()),
            _ => {}
        }
        let support_files = vec![framework::SupportFile { path, content: b"pass".to_vec() }];
        Ok(framework::Instrumented { command, support_files })
    }

    fn select(
        mut command: framework::Command,
        selection: framework::Selection,
    ) -> Result<framework::Command, PluginError> {
        deed("select")?;
        match selection {
            framework::Selection::Only(tests) => command.argv.extend(tests),
            framework::Selection::Without(tests) => {
                command.argv.extend(tests.iter().map(|t| format!("!{t}")))
            }
        }
        if asked("select").is_some_and(|what| what == "huge") {
            command.argv.push("x".repeat(3 << 20));
        }
        Ok(command)
    }
}

fn good_command() -> framework::Command {
    framework::Command { argv: vec!["hostile".into()], env: Vec::new(), cwd: String::new() }
}

fn verdict(evidence: &policy::Evidence, what: &str) -> policy::Verdict {
    let mut verdict = policy::Verdict {
        category: Category::Flaky,
        severity: Severity::High,
        confidence: 0.5,
        reason: format!("{} of {}", evidence.failures, evidence.counts.ran),
        tags: vec![("seen".into(), "yes".into())],
    };
    match what {
        "nan" => verdict.confidence = f64::NAN,
        "infinite" => verdict.confidence = f64::INFINITY,
        "negative" => verdict.confidence = -0.1,
        "over" => verdict.confidence = 1.5,
        "control" => verdict.reason = "a\u{1b}[2J\nb".into(),
        "tag" => verdict.tags[0].0 = "Not Snake".into(),
        _ => {}
    }
    verdict
}

impl policy::Guest for Hostile {
    fn classify(batch: Vec<policy::Evidence>) -> Result<Vec<Option<policy::Verdict>>, PluginError> {
        deed("classify")?;
        let what = asked("classify").unwrap_or_default();
        let mut verdicts: Vec<_> = batch.iter().map(|e| Some(verdict(e, &what))).collect();
        match what.as_str() {
            "fewer" => {
                verdicts.pop();
            }
            "more" => verdicts.push(None),
            "big" => verdicts[0].as_mut().unwrap().reason = "x".repeat(60 << 20),
            _ => {}
        }
        Ok(verdicts)
    }

    fn summarise(run: policy::RunSummary) -> Result<Option<policy::Verdict>, PluginError> {
        deed("summarise")?;
        let what = asked("summarise").unwrap_or_default();
        Ok(run.verdicts.into_iter().next().map(|(_, mut verdict)| {
            if what == "nan" {
                verdict.confidence = f64::NAN;
            }
            verdict
        }))
    }
}

impl reporter::Guest for Hostile {
    fn render(
        report: &Blob,
        context: reporter::RenderContext,
    ) -> Result<Vec<reporter::Delivery>, PluginError> {
        deed("render")?;
        let what = asked("render").unwrap_or_default();
        let text = format!("{} {:?}", report.read_text(0, 1 << 20).text, context.width);
        Ok(match what.as_str() {
            "big" => vec![reporter::Delivery::Stdout("x".repeat(200 << 20))],
            "many" => (0..2_000).map(|_| reporter::Delivery::Stdout(String::new())).collect(),
            "control" => vec![reporter::Delivery::Stdout("\u{1b}[31mred\u{1b}[0m\u{1b}]0;t\u{7}".into())],
            "header" => vec![reporter::Delivery::Http(reporter::HttpRequest {
                method: "post".into(),
                url: "https://example.org/".into(),
                headers: vec![("a".into(), "b\r\nHost: evil".into())],
                body: Vec::new(),
            })],
            "conclusion" => vec![reporter::Delivery::CheckRun(reporter::CheckRun {
                name: "n".into(),
                conclusion: "fine".into(),
                title: "t".into(),
                summary: "s".into(),
                annotations: Vec::new(),
            })],
            _ => vec![reporter::Delivery::Stdout(text)],
        })
    }
}
