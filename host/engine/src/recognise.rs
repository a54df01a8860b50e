//! Which parser reads an attempt, where nobody said so.
//!
//! Parsers refuse what is not certainly theirs, so that at most one recognises an output. Where several do, a rule
//! decides that knows nothing of the order in which they were asked or answered.

use std::cmp::Reverse;
use std::sync::{Arc, LazyLock};

use flaky_core::parsed::{Completeness, Diagnostic, DiagnosticLevel, ParsedAttempt};
use flaky_plugin_host::{AttemptInput, PluginError};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::plugins::{Candidate, Member};
use crate::taste::taste;

/// Code of the diagnostic that says that several parsers recognised an attempt.
pub(crate) const AMBIGUOUS: &str = "ambiguous-format";

/// What a parser read.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Its name.
    pub(crate) parser: String,
    pub(crate) parsed: ParsedAttempt,
    /// Whether there was a file that it wanted: more than printed text.
    pub(crate) of_file: bool,
}

impl Reading {
    /// Only failed tests have names in such output: every one of them would look broken.
    pub(crate) fn is_unnamed(&self) -> bool {
        self.parsed.diagnostics.iter().any(|d| d.code == "unnamed-tests")
    }

    fn named_tests(&self) -> usize {
        if self.is_unnamed() { 0 } else { self.parsed.tests.len() }
    }
}

/// Asks one parser; `None` when it does not recognise the attempt.
///
/// # Errors
/// Whatever ended the call.
pub(crate) async fn ask(member: &Member, input: &AttemptInput) -> Result<Option<Reading>, PluginError> {
    let parsed = member.plugin.parse(input).await?;
    if parsed.completeness == Completeness::NothingRecognised {
        return Ok(None);
    }
    let of_file = input.reports.iter().any(|(path, _)| member.plugin.wants_report(path))
        || input.tree.iter().any(|(path, _)| member.plugin.wants_tree(path));
    Ok(Some(Reading { parser: member.name().to_owned(), parsed, of_file }))
}

/// A turn to call a plugin, for as long as the value lives. Of all attempts together: each call has memory of its own, and
/// more calls than cores would share their time and run into its limit.
pub(crate) async fn turn() -> Option<SemaphorePermit<'static>> {
    static TURNS: LazyLock<Semaphore> =
        LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)));
    // Never closed, so there is always a turn.
    TURNS.acquire().await.ok()
}

/// Asks several parsers, as many at a time as there are cores: most of the first time is compiling them. An error is
/// remembered for the report, and is no reason for another parser not to be asked. Of a long output each is given a taste
/// first, and all of it only where it recognises that.
pub(crate) async fn ask_all(candidates: &[Candidate], input: &Arc<AttemptInput>) -> Vec<Reading> {
    let all = Arc::clone(input);
    let tasted = tokio::task::spawn_blocking(move || taste(&all)).await.ok().flatten();
    let Some(tasted) = tasted.map(Arc::new) else {
        return whole(candidates, input).await.into_iter().map(|(_, reading)| reading).collect();
    };
    let knowing: Vec<Candidate> =
        whole(candidates, &tasted).await.into_iter().map(|(candidate, _)| candidate).collect();
    whole(&knowing, input).await.into_iter().map(|(_, reading)| reading).collect()
}

async fn whole(candidates: &[Candidate], input: &Arc<AttemptInput>) -> Vec<(Candidate, Reading)> {
    let input = Arc::clone(input);
    let answers = side_by_side(candidates, move |member| {
        let input = Arc::clone(&input);
        async move { ask(&member, &input).await }
    });
    let recognised = |(candidate, answer): (Candidate, Result<Option<Reading>, PluginError>)| {
        answer.ok().flatten().map(|reading| (candidate, reading))
    };
    answers.await.into_iter().filter_map(recognised).collect()
}

/// Does the same with several plugins side by side; the answers are in their order. What cannot be loaded is left out,
/// and the error of a call is remembered for the report.
pub(crate) async fn side_by_side<T, F>(
    candidates: &[Candidate],
    call: impl Fn(Member) -> F + Clone + Send + 'static,
) -> Vec<(Candidate, Result<T, PluginError>)>
where
    T: Send + 'static,
    F: Future<Output = Result<T, PluginError>> + Send,
{
    let tasks: Vec<_> = candidates
        .iter()
        .map(|candidate| {
            let (own, call) = (candidate.clone(), call.clone());
            let task = tokio::spawn(async move {
                let _turn = turn().await;
                let member = own.member().await.map_err(Clone::clone)?;
                let answer = call(member.clone()).await;
                if let Err(error) = &answer {
                    member.fault(error);
                }
                answer
            });
            (candidate.clone(), task)
        })
        .collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for (candidate, task) in tasks {
        // One that panicked is as good as not asked: the fault is ours, and others may know.
        if let Ok(answer) = task.await {
            answers.push((candidate, answer));
        }
    }
    answers
}

/// The reading that counts, and the names of the other parsers that recognised the attempt: a report file tells more
/// than text; then who names more tests understood more; then the name decides.
pub(crate) fn choose(mut readings: Vec<Reading>) -> Option<(Reading, Vec<String>)> {
    readings.sort_by(|a, b| {
        let rank = |r: &Reading| (Reverse(r.of_file), Reverse(r.named_tests()));
        rank(a).cmp(&rank(b)).then_with(|| a.parser.cmp(&b.parser))
    });
    let mut readings = readings.into_iter();
    let best = readings.next()?;
    Some((best, readings.map(|r| r.parser).collect()))
}

/// Names all that recognised an attempt.
pub(crate) fn ambiguity(chosen: &Reading, others: &[String]) -> Diagnostic {
    let others: Vec<String> = others.iter().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "parser `{}` read this as `{}`, and {} recognised it too",
        chosen.parser,
        chosen.parsed.format,
        others.join(", ")
    );
    Diagnostic {
        level: DiagnosticLevel::Warning,
        code: AMBIGUOUS.to_owned(),
        message,
        hint: Some("name the parser that is right: `--plugin builtin:NAME`".to_owned()),
        location: None,
        at: None,
    }
}

#[cfg(test)]
mod tests {
    use flaky_core::ids::TestId;
    use flaky_core::parsed::{Outcome, TestColumns};

    use super::*;

    fn reading(parser: &str, tests: usize, of_file: bool, unnamed: bool) -> Reading {
        let diagnostic = Diagnostic {
            level: DiagnosticLevel::Error,
            code: "unnamed-tests".into(),
            message: String::new(),
            hint: None,
            location: None,
            at: None,
        };
        Reading {
            parser: parser.into(),
            parsed: ParsedAttempt {
                format: format!("{parser}-text"),
                tests: TestColumns {
                    ids: (0..tests).map(|i| TestId::new(&i.to_string())).collect(),
                    outcomes: vec![Outcome::Passed; tests],
                    ..TestColumns::default()
                },
                completeness: Completeness::Complete,
                announced: Vec::new(),
                diagnostics: if unnamed { vec![diagnostic] } else { Vec::new() },
            },
            of_file,
        }
    }

    #[test]
    fn files_come_before_text_then_more_named_tests_then_the_name() {
        type Case = (&'static [(&'static str, usize, bool, bool)], &'static [&'static str]);
        let cases: &[Case] = &[
            (&[], &[]),
            (&[("tap", 3, false, false)], &["tap"]),
            (&[("tap", 9, false, false), ("junit", 1, true, false)], &["junit", "tap"]),
            (&[("bats", 3, false, false), ("tap", 4, false, false)], &["tap", "bats"]),
            (&[("tap", 3, false, false), ("bats", 3, false, false)], &["bats", "tap"]),
            (&[("a", 9, false, true), ("b", 1, false, false), ("c", 0, false, false)], &["b", "a", "c"]),
        ];
        for (readings, expected) in cases {
            let make = |&(parser, tests, of_file, unnamed): &_| reading(parser, tests, of_file, unnamed);
            let forwards: Vec<Reading> = readings.iter().map(make).collect();
            let backwards: Vec<Reading> = readings.iter().rev().map(make).collect();
            for order in [forwards, backwards] {
                let names = |(best, others): (Reading, Vec<String>)| [vec![best.parser], others].concat();
                assert_eq!(choose(order).map(names).unwrap_or_default(), *expected, "{readings:?}");
            }
        }
    }

    #[test]
    fn an_ambiguity_names_all_who_recognised_the_attempt() {
        let diagnostic = ambiguity(&reading("bats", 1, false, false), &["tap".into(), "teamcity".into()]);
        assert_eq!(
            diagnostic.message,
            "parser `bats` read this as `bats-text`, and `tap`, `teamcity` recognised it too"
        );
    }
}
