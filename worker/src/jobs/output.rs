//! A full job's output: the original's fields, and everything the report knows.

use std::collections::BTreeMap;

use flaky_config::job::JobFramework;
use flaky_core::attempt::Exit;
use flaky_core::report::{AttemptReport, RunReport};
use flaky_core::verdict::{Category, Cause};
use flaky_engine::output::{AttemptOutput, KeptStream};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::fit::{self, Worth, fit, json_size, shrink};
use super::with_hint;
use crate::job::Answer;

/// Largest output in bytes of JSON text. The platform takes 10 MB and answers 400 to more; the rest is for whatever is
/// put around it.
pub(super) const OUTPUT_BYTES: usize = 8_000_000;

/// Of these, what the report may take when outputs want the rest.
const REPORT_BYTES: usize = 5_000_000;

/// Largest text of one row without its outputs: keys, numbers, quotes.
const ROW_BYTES: usize = 160;

/// What the original says of an attempt that took too long, in place of its error output.
const TIMEOUT: &str = "TIMEOUT";

/// One attempt as the original lists it, and what it does not know.
#[derive(Debug, Serialize)]
struct Row {
    attempt: u32,
    /// Null when it was ended by us, or could not be started.
    exit_code: Option<i32>,
    stdout: String,
    stderr: String,
    passed: bool,
    seed: u64,
    /// Whether it says anything about the tests; only those that do are in `total_runs` and `failures`.
    counted: bool,
}

/// The answer to a full job. One that could not tell is a failed job, without a rate: a rate of 0 would read "safe to
/// merge" to callers that look at nothing else. Too few attempts for a verdict are what the caller asked for: the rate
/// is true, `verdict` and `reason` say what it is worth, and callers that ask for ten attempts get their answer.
pub(super) fn answer(
    mut report: RunReport,
    outputs: Vec<AttemptOutput>,
    named: Option<JobFramework>,
    room: usize,
) -> Answer {
    let framework = framework(named, &report.subject.framework);
    shrink(&mut report, REPORT_BYTES.min(room / 2));
    let rows = Rows::new(outputs, &report.attempts);
    let used = json_size(&report) + json_size(&framework) + rows.count() * ROW_BYTES + OUTER_BYTES;
    let (rows, cut) = rows.fit(room.saturating_sub(used));
    let measured = report.cause == Some(Cause::TooFewAttempts) && report.repro_rate.is_some();
    let inconclusive = report.verdict == Category::Inconclusive;
    let error = (inconclusive && !measured).then(|| with_hint(&report.reason, report.hint.as_deref()));
    let mut fields = match serde_json::to_value(&report) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.insert("parallelism".into(), json!(report.execution.parallelism));
    fields.insert("framework".into(), json!(framework));
    fields.insert("results".into(), json!(rows));
    fields.insert("outputs_cut".into(), json!(cut));
    match error {
        None => Answer::Output(Value::Object(fields)),
        Some(error) => {
            fields.remove("repro_rate");
            Answer::Failed { error, output: Some(Value::Object(fields)) }
        }
    }
}

/// The keys that are added to the report's own.
const OUTER_BYTES: usize = 200;

/// What the original calls it. A name that a job gives is taken over, as there.
fn framework(named: Option<JobFramework>, found: &str) -> &'static str {
    if let Some(framework) = named {
        return framework.name();
    }
    let known = JobFramework::ALL.iter().find(|(name, _)| {
        // `jest` for `typescript-jest`.
        *name == found || name.split_once('-').is_some_and(|(_, short)| short == found)
    });
    match (known, found) {
        (Some((name, _)), _) => name,
        (None, "pytest") => JobFramework::Python.name(),
        (None, _) => "unknown",
    }
}

/// Rows whose outputs are not yet text.
struct Rows {
    rows: Vec<Row>,
    /// Two for each row.
    streams: Vec<(Worth, KeptStream)>,
}

impl Rows {
    fn new(outputs: Vec<AttemptOutput>, attempts: &[AttemptReport]) -> Self {
        let mut all: BTreeMap<u32, (Row, [KeptStream; 2])> = BTreeMap::new();
        for attempt in attempts.iter().filter(|a| !a.alone && a.set_aside.is_some()) {
            let why = attempt.set_aside.clone().unwrap_or_default();
            all.insert(attempt.attempt.0, not_made(attempt, &why));
        }
        for output in outputs {
            // Why it was set aside is said where nothing was started at all.
            if output.exit != Exit::NotFound || !all.contains_key(&output.attempt.0) {
                all.insert(output.attempt.0, made(output));
            }
        }
        let mut rows =
            Self { rows: Vec::with_capacity(all.len()), streams: Vec::with_capacity(2 * all.len()) };
        for (row, streams) in all.into_values() {
            let worth = if row.passed { Worth::Passed } else { Worth::Failed };
            rows.streams.extend(streams.map(|stream| (worth, stream)));
            rows.rows.push(row);
        }
        rows
    }

    fn count(&self) -> usize {
        self.rows.len()
    }

    fn fit(mut self, room: usize) -> (Vec<Row>, usize) {
        let fit::Fitted { texts, cut } = fit(&self.streams, room);
        let mut texts = texts.into_iter();
        for row in &mut self.rows {
            row.stdout = texts.next().unwrap_or_default();
            row.stderr = texts.next().unwrap_or_default();
        }
        (self.rows, cut)
    }
}

fn made(output: AttemptOutput) -> (Row, [KeptStream; 2]) {
    let stderr = if output.exit == Exit::TimedOut { text(TIMEOUT) } else { output.kept.stderr };
    let row = Row {
        attempt: output.attempt.0,
        exit_code: exit_code(output.exit),
        stdout: String::new(),
        stderr: String::new(),
        passed: output.passed,
        seed: output.seed.0,
        counted: output.counted,
    };
    (row, [output.kept.stdout, stderr])
}

fn not_made(attempt: &AttemptReport, why: &str) -> (Row, [KeptStream; 2]) {
    let row = Row {
        attempt: attempt.attempt.0,
        exit_code: exit_code(attempt.exit),
        stdout: String::new(),
        stderr: String::new(),
        passed: false,
        seed: attempt.seed.0,
        counted: false,
    };
    (row, [KeptStream::default(), text(&format!("ERROR: {why}"))])
}

fn text(text: &str) -> KeptStream {
    KeptStream { head: text.as_bytes().to_vec(), tail: Vec::new(), left_out: 0 }
}

/// As the original's language has it: a signal is its number below zero.
const fn exit_code(exit: Exit) -> Option<i32> {
    match exit {
        Exit::Code(code) => Some(code),
        Exit::Signal(signal) => Some(-signal),
        Exit::TimedOut | Exit::NotFound => None,
    }
}

#[cfg(test)]
mod tests {
    use flaky_core::ids::{AttemptIndex, Seed};
    use flaky_core::report::{
        Execution, IsolationReport, IsolationUsed, REPORT_VERSION, SeedReport, Subject,
    };
    use flaky_core::settings::IsolationChoice;
    use flaky_core::stats::python_round;
    use flaky_core::verdict::Severity;
    use flaky_engine::output::KeptOutput;

    use super::*;

    fn report(counted: u32, failed: u32) -> RunReport {
        RunReport {
            report_version: REPORT_VERSION,
            run: "w1".parse().unwrap(),
            flaky_version: "0".into(),
            total_runs: counted,
            failures: failed,
            repro_rate: Some(python_round(f64::from(failed) / f64::from(counted), 3)),
            verdict: Category::Flaky,
            cause: None,
            severity: Some(Severity::Low),
            reason: "why".into(),
            hint: None,
            isolation: IsolationReport { asked: IsolationChoice::Auto, used: IsolationUsed::Full, why: None },
            ci: None,
            subject: Subject {
                source: "https://example.org/a.git".into(),
                commit: None,
                reference: None,
                command: vec!["x".into()],
                working_directory: String::new(),
                framework: "python".into(),
                parser: None,
            },
            base: None,
            execution: Execution {
                planned: counted,
                parallelism: 3,
                finished: counted,
                seeds: SeedReport::First(1),
                alone: 0,
                interrupted: false,
                wall_seconds: 1.0,
                cpu_seconds: 1.0,
                peak_memory: 1,
                reproduce: None,
                reproduce_shell: None,
                reproduced: None,
                selected: 0,
                backend: None,
            },
            tests: Vec::new(),
            clusters: Vec::new(),
            attempts: Vec::new(),
            plugins: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn output(attempt: u32, exit: Exit, stdout: &str, stderr: &str) -> AttemptOutput {
        AttemptOutput {
            attempt: AttemptIndex(attempt),
            seed: Seed(u64::from(attempt) + 100),
            exit,
            counted: exit != Exit::NotFound,
            passed: exit.is_success(),
            kept: KeptOutput { stdout: text(stdout), stderr: text(stderr) },
        }
    }

    fn completed(answer: Answer) -> Value {
        match answer {
            Answer::Output(output) => output,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_originals_fields_are_there_with_its_values() {
        let outputs = vec![
            output(0, Exit::Code(0), "out", "err"),
            output(1, Exit::Code(1), "", ""),
            output(2, Exit::TimedOut, "so far", "lost"),
            output(3, Exit::Signal(11), "", ""),
        ];
        let output = completed(answer(report(16, 1), outputs, None, OUTPUT_BYTES));
        for (key, value) in [
            ("total_runs", json!(16)),
            ("parallelism", json!(3)),
            ("framework", json!("python")),
            ("failures", json!(1)),
            // As Python rounds it.
            ("repro_rate", json!(0.062)),
            ("outputs_cut", json!(0)),
            ("report_version", json!(REPORT_VERSION)),
            ("verdict", json!("flaky")),
            ("severity", json!("LOW")),
            ("reason", json!("why")),
            ("tests", json!([])),
        ] {
            assert_eq!(output[key], value, "{key}");
        }
        let row = |attempt: u32, exit_code: Option<i32>, stdout: &str, stderr: &str, passed: bool| {
            json!({
                "attempt": attempt, "exit_code": exit_code, "stdout": stdout, "stderr": stderr, "passed": passed,
                "seed": attempt + 100, "counted": true,
            })
        };
        let expected = [
            row(0, Some(0), "out", "err", true),
            row(1, Some(1), "", "", false),
            row(2, None, "so far", "TIMEOUT", false),
            row(3, Some(-11), "", "", false),
        ];
        assert_eq!(output["results"], json!(expected));
    }

    #[test]
    fn an_attempt_that_could_not_be_made_is_listed_with_its_reason() {
        let mut report = report(1, 0);
        report.attempts.push(AttemptReport {
            attempt: AttemptIndex(0),
            seed: Seed(9),
            exit: Exit::NotFound,
            wall_seconds: 0.0,
            failed_tests: 0,
            alone: false,
            set_aside: Some("no disk".into()),
            missing: Vec::new(),
            output_tail: None,
        });
        let made = vec![output(1, Exit::Code(0), "", "")];
        let output = completed(answer(report, made, None, OUTPUT_BYTES));
        let first = &output["results"][0];
        let attempt = (&first["attempt"], &first["exit_code"], &first["stderr"], &first["counted"]);
        assert_eq!(attempt, (&json!(0), &Value::Null, &json!("ERROR: no disk"), &json!(false)));
        assert_eq!(output["results"][1]["attempt"], 1);
    }

    #[test]
    fn frameworks_have_the_originals_names_or_are_unknown() {
        for (named, found, expected) in [
            (None, "python", "python"),
            (None, "pytest", "python"),
            (None, "go", "go"),
            (None, "jest", "typescript-jest"),
            (None, "vitest", "typescript-vitest"),
            (None, "mocha", "javascript-mocha"),
            (None, "unknown", "unknown"),
            (None, "cargo", "unknown"),
            (None, "", "unknown"),
            (Some(JobFramework::Go), "python", "go"),
        ] {
            assert_eq!(framework(named, found), expected, "{named:?} {found}");
        }
    }

    #[test]
    fn what_could_not_tell_is_a_failed_job_without_a_rate_and_too_few_attempts_are_an_answer() {
        let undecided = |cause, counted| {
            let mut report = report(counted, 0);
            report.verdict = Category::Inconclusive;
            report.cause = Some(cause);
            report.severity = None;
            report.hint = Some("run more".into());
            report.repro_rate = (counted > 0).then_some(0.0);
            answer(report, vec![output(0, Exit::Code(0), "out", "")], None, OUTPUT_BYTES)
        };
        for (cause, counted) in
            [(Cause::InstallFailed, 0), (Cause::Infrastructure, 7), (Cause::TooFewAttempts, 0)]
        {
            match undecided(cause, counted) {
                Answer::Failed { error, output: Some(output) } => {
                    assert_eq!(error, "why\nhint: run more");
                    assert_eq!((output.get("repro_rate"), &output["severity"]), (None, &Value::Null));
                    assert_eq!(output["results"][0]["stdout"], "out");
                }
                other => panic!("{other:?}"),
            }
        }
        let few = completed(undecided(Cause::TooFewAttempts, 10));
        assert_eq!((&few["repro_rate"], &few["verdict"]), (&json!(0.0), &json!("inconclusive")));
        assert_eq!(few["cause"], "too-few-attempts");
    }

    #[test]
    fn whatever_was_printed_the_output_fits() {
        let room = 400_000;
        let noisy = "\u{1}\"é\n".repeat(30_000);
        let outputs: Vec<AttemptOutput> = (0..40)
            .map(|n| output(n, if n % 4 == 0 { Exit::Code(1) } else { Exit::Code(0) }, &noisy, &noisy))
            .collect();
        let output = completed(answer(report(40, 10), outputs, None, room));
        let size = json_size(&output);
        assert!(size <= room && size > room * 9 / 10, "{size}");
        assert_eq!(output["outputs_cut"], 80);
        let length = |n: usize| output["results"][n]["stdout"].as_str().map_or(0, str::len);
        assert!(length(0) > 10 * length(1) && length(1) > 100, "{} {}", length(0), length(1));
    }

    #[test]
    fn a_report_that_is_too_large_by_itself_says_what_is_left_out() {
        let mut large = report(40, 10);
        for n in 0..40 {
            large.attempts.push(AttemptReport {
                attempt: AttemptIndex(n),
                seed: Seed(1),
                exit: Exit::Code(1),
                wall_seconds: 0.0,
                failed_tests: 0,
                alone: false,
                set_aside: None,
                missing: Vec::new(),
                output_tail: Some("x".repeat(4096)),
            });
        }
        let output = completed(answer(large, Vec::new(), None, 100_000));
        assert!(json_size(&output) <= 100_000);
        let note = &output["notes"][0];
        assert_eq!(note["code"], "report-cut");
        assert!(note["text"].as_str().unwrap_or_default().contains("ends of outputs"), "{note}");
    }
}
