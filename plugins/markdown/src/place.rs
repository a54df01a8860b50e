//! What is known of where a report is told: the commit, what changed before it, what was told earlier.

use std::fmt::Write as _;

use flaky_plugin_platforms::links::page;
use flaky_plugin_platforms::markdown::{code_span, sentence, shortened};
use flaky_plugin_platforms::words::{self, severity, severity_sign, short_commit, verdict};
use flaky_plugin_sdk::report::{Report, plural};
use flaky_plugin_sdk::surroundings::{Ci, Commit, EarlierResult, SinceGreen, Surroundings};

use crate::details::listed;

/// Commits and results that are shown; the newest come first.
const MOST_COMMITS: usize = 10;
const MOST_RESULTS: usize = 10;

/// Titles, names and paths, in characters.
const MOST_NAME: usize = 120;

/// A version, in characters.
const MOST_VERSION: usize = 20;

/// That a result is of an older commit than the pull request's head, where it is.
pub(crate) fn outdated(surroundings: &Surroundings) -> String {
    let Some(ci) = &surroundings.ci else { return String::new() };
    let Some(pull) = &ci.pull_request else { return String::new() };
    if !words::is_older(ci.commit.as_deref(), &pull.head) {
        return String::new();
    }
    let spoken_for = ci.commit.as_deref().unwrap_or_default();
    format!(
        "**This result is of an older commit:** it speaks for {}, and the head is {} by now.\n\n",
        commit(spoken_for),
        commit(&pull.head)
    )
}

/// That the numbers are somebody's word, where they are.
pub(crate) fn untrusted(surroundings: &Surroundings) -> String {
    if surroundings.untrusted { format!("{}\n\n", words::UNTRUSTED) } else { String::new() }
}

/// Commits and files since the last green run, folded.
pub(crate) fn since_green(surroundings: &Surroundings) -> String {
    let Some(ci) = &surroundings.ci else { return String::new() };
    let Some(since) = &ci.since_green else { return String::new() };
    let commits = since.total_commits.max(count(since.commits.len()));
    let files = since.total_files.max(count(since.files.len()));
    if commits == 0 && files == 0 {
        return String::new();
    }
    let mut out = format!(
        "<details><summary>{} and {} since the last green run</summary>\n\n",
        plural(commits, "commit"),
        plural(files, "file")
    );
    for commit in since.commits.iter().take(MOST_COMMITS) {
        let _ = writeln!(out, "- {}", one_commit(commit));
    }
    let shown = count(since.commits.len().min(MOST_COMMITS));
    if shown > 0 && commits > shown {
        let _ = writeln!(out, "- and {} more", commits - shown);
    }
    out.push('\n');
    let names = since.files.iter().map(|file| code_span(&shortened(file, MOST_NAME)));
    let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    if !names.is_empty() {
        // What was not handed over counts as well.
        let unseen = files.saturating_sub(count(since.files.len()));
        let more = if unseen > 0 { format!(", and {unseen} that are not named here") } else { String::new() };
        let _ = writeln!(out, "Files: {}{more}\n", listed(names.into_iter()));
    }
    out.push_str(&compare(ci, since));
    out.push_str("</details>\n\n");
    out
}

fn compare(ci: &Ci, since: &SinceGreen) -> String {
    let url = since.url.as_deref().and_then(|url| page(ci, url));
    url.map(|url| format!("[Compare with the last green commit]({url})\n\n")).unwrap_or_default()
}

fn one_commit(found: &Commit) -> String {
    let title = sentence(&shortened(&found.title, MOST_NAME));
    let author = sentence(&shortened(&found.author, MOST_NAME));
    let parts = [commit(&found.sha), title, author];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

/// A commit, seven digits of it where it is one.
fn commit(sha: &str) -> String {
    code_span(short_commit(sha).unwrap_or(&shortened(sha, 20)))
}

/// Results told here before, folded.
pub(crate) fn earlier(surroundings: &Surroundings) -> String {
    let results = &surroundings.earlier;
    if results.is_empty() {
        return String::new();
    }
    let total = plural(count(results.len()), "earlier result");
    let mut out = format!("<details><summary>{total}</summary>\n\n");
    for result in results.iter().take(MOST_RESULTS) {
        let _ = writeln!(out, "- {}", one_result(result, surroundings.suite.as_deref()));
    }
    out.push_str("\n</details>\n\n");
    out
}

/// Its suite is named where it is not the one that is told.
fn one_result(result: &EarlierResult, told: Option<&str>) -> String {
    let suite = result.suite.as_deref().filter(|suite| Some(*suite) != told);
    let suite = suite.map(|suite| code_span(&shortened(suite, MOST_NAME))).filter(|suite| !suite.is_empty());
    let suite = suite.map(|suite| format!("{suite}: ")).unwrap_or_default();
    let mut text = match &result.severity {
        Some(found) => {
            format!("{} {suite}{} · {}", severity_sign(found), verdict(&result.verdict), severity(found))
        }
        None => format!("⚪ {suite}{}", verdict(&result.verdict)),
    };
    if result.total_runs > 0 {
        let _ = write!(text, " · {} of {} failed", result.failures, result.total_runs);
    }
    let spoken_for = result.commit.as_deref().map(commit).filter(|commit| !commit.is_empty());
    if let Some(commit) = spoken_for {
        let _ = write!(text, " · for {commit}");
    }
    let tests = result.tests.iter().map(|(id, _)| code_span(&shortened(id, MOST_NAME)));
    let tests: Vec<String> = tests.filter(|test| !test.is_empty()).collect();
    if !tests.is_empty() {
        let _ = write!(text, ": {}", listed(tests.into_iter()));
    }
    text
}

/// For which commit it speaks, and where more is to be seen.
pub(crate) fn footer(report: &Report, surroundings: &Surroundings) -> String {
    let mut parts = Vec::new();
    let ci = surroundings.ci.as_ref();
    let sha = ci.and_then(|ci| ci.commit.as_deref()).or(report.subject.commit.as_deref());
    if let Some(spoken_for) = sha.map(commit).filter(|commit| !commit.is_empty()) {
        let branch = ci.and_then(|ci| ci.branch.as_deref());
        let branch = branch.map(|branch| code_span(&shortened(branch, MOST_NAME))).filter(|b| !b.is_empty());
        let branch = branch.map(|branch| format!(" of {branch}")).unwrap_or_default();
        parts.push(format!("For commit {spoken_for}{branch}"));
    }
    if let Some(ci) = ci {
        let link = |url: &Option<String>| url.as_deref().and_then(|url| page(ci, url)).map(str::to_owned);
        if let Some(url) = link(&ci.failed_run_url) {
            let name = ci.failed_workflow.as_deref().map(|name| code_span(&shortened(name, MOST_NAME)));
            let name = name.filter(|name| !name.is_empty()).map(|name| format!(" of {name}"));
            parts.push(format!("[the run that failed]({url}){}", name.unwrap_or_default()));
        }
        parts.extend(link(&ci.run_url).map(|url| format!("[the run that looked into it]({url})")));
    }
    parts.push(format!("flaky {}", version(&report.flaky_version)).trim_end().to_owned());
    format!("<sub>{}</sub>\n", parts.join(" · "))
}

/// A version, where it looks like one.
fn version(found: &str) -> &str {
    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
    let is_version = found.len() <= MOST_VERSION && found.bytes().all(letters);
    if is_version && found.starts_with(|c: char| c.is_ascii_digit()) { found } else { "" }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
