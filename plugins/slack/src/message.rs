//! The message.

use flaky_plugin_platforms::limits::{SLACK_BUTTON_TEXT, SLACK_SECTION_TEXT, SLACK_UNIT};
use flaky_plugin_platforms::links::{page, run_page};
use flaky_plugin_platforms::people::chat_id;
use flaky_plugin_platforms::slack::{code, is_member, link, mention, plain};
use flaky_plugin_platforms::words::{self, lines_within, severity, short_commit, verdict};
use flaky_plugin_sdk::report::{Report, Test, plural};
use flaky_plugin_sdk::surroundings::{Commit, Surroundings};
use serde_json::{Value, json};

use crate::settings::Settings;

/// Tests and commits that are shown; more nobody reads in a chat.
const MOST_TESTS: usize = 5;
const MOST_COMMITS: usize = 5;

/// Characters of a name, a failure, a commit's title, so that all of a list fits into one section.
const MOST_NAME: usize = 150;
const MOST_TITLE: usize = 100;

/// Characters of the reason and of the hint.
const MOST_SENTENCE: usize = 600;

pub(crate) fn of(report: &Report, surroundings: &Surroundings, settings: &Settings) -> Value {
    let title = title(report, surroundings);
    let mut blocks = vec![section_plain(words::recommendation(report, surroundings))];
    blocks.extend(sentences(report));
    if surroundings.untrusted {
        blocks.push(section_plain(words::UNTRUSTED));
    }
    if words::has_result(report) {
        blocks.extend(fields(report, surroundings));
        blocks.extend(tests(report));
        blocks.extend(commits(surroundings, settings.mention && words::is_trouble(report)));
    }
    blocks.extend(buttons(surroundings));
    json!({
        "text": title,
        "attachments": [{
            "color": format!("#{:06x}", words::colour(report)),
            "fallback": title,
            "blocks": blocks,
        }],
    })
}

/// Words and numbers of ours, and the repository's name, which a forge makes of letters.
fn title(report: &Report, surroundings: &Surroundings) -> String {
    let repository = surroundings.ci.as_ref().map(|ci| code(&ci.repository, MOST_NAME));
    match repository.filter(|name| !name.is_empty()) {
        Some(name) => {
            format!("{}: {name}", words::title(report, surroundings, |suite| code(suite, MOST_NAME)))
        }
        None => words::title(report, surroundings, |suite| code(suite, MOST_NAME)),
    }
}

fn section_plain(text: &str) -> Value {
    json!({"type": "section", "text": plain_text(text, SLACK_SECTION_TEXT)})
}

/// Without emoji by name: `:x:` of somebody else stays what it is.
fn plain_text(text: &str, most: usize) -> Value {
    json!({"type": "plain_text", "text": plain(text, most), "emoji": false})
}

/// `verbatim`: names of channels and addresses are not made links.
fn markup(text: String) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

fn sentences(report: &Report) -> Vec<Value> {
    let parts = words::sentences(report).into_iter().map(|text| plain(&text, MOST_SENTENCE));
    parts.filter(|text| !text.is_empty()).map(|text| section_plain(&text)).collect()
}

fn fields(report: &Report, surroundings: &Surroundings) -> Option<Value> {
    let mut pairs = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            pairs.push(markup(format!("*{name}*\n{value}")));
        }
    };
    add("Verdict", verdict(&report.verdict).to_owned());
    add("Severity", report.severity.as_ref().map(|found| severity(found).to_owned()).unwrap_or_default());
    add("Failed", format!("{} of {}", report.failures, plural(report.total_runs, "attempt")));
    if let Some(ci) = &surroundings.ci {
        add("Branch", ci.branch.as_deref().map(|name| code(name, MOST_NAME)).unwrap_or_default());
        add(
            "Commit",
            ci.commit.as_deref().and_then(short_commit).map(|c| code(c, MOST_NAME)).unwrap_or_default(),
        );
        if let Some(pull) = &ci.pull_request {
            let (name, number) = words::request(ci, pull.number);
            let mut text = page(ci, &pull.url).map_or_else(|| number.clone(), |url| link(url, &number));
            if words::is_older(ci.commit.as_deref(), &pull.head) {
                text += " (its head is newer)";
            }
            add(name, text);
        }
    }
    (!pairs.is_empty()).then(|| json!({"type": "section", "fields": pairs}))
}

fn tests(report: &Report) -> Option<Value> {
    let troubled: Vec<&Test> = words::troubled(report).collect();
    let mut lines: Vec<String> = troubled.iter().take(MOST_TESTS).map(|test| one_test(test)).collect();
    if troubled.len() > MOST_TESTS {
        lines.push(format!("and {} more", troubled.len() - MOST_TESTS));
    }
    (!lines.is_empty()).then(
        || json!({"type": "section", "text": markup(lines_within(&lines, SLACK_SECTION_TEXT, SLACK_UNIT))}),
    )
}

fn one_test(test: &Test) -> String {
    let id = code(&test.id, MOST_NAME);
    let id = if id.is_empty() { "a test without a name".to_owned() } else { id };
    let mut text = format!("• {id} {}: {} of {} failed", verdict(&test.verdict), test.failures, test.ran);
    let failure = test.main_failure().map(|group| code(&group.headline(), MOST_TITLE));
    if let Some(failure) = failure.filter(|failure| !failure.is_empty()) {
        text += &format!("\n    {failure}");
    }
    text
}

fn commits(surroundings: &Surroundings, mention: bool) -> Option<Value> {
    let since = surroundings.ci.as_ref()?.since_green.as_ref()?;
    let shown = since.commits.iter().take(MOST_COMMITS);
    let mut lines: Vec<String> = shown.map(|commit| one_commit(surroundings, commit, mention)).collect();
    let total = usize::try_from(since.total_commits).unwrap_or(usize::MAX).max(since.commits.len());
    if total > lines.len() && !lines.is_empty() {
        lines.push(format!("and {} more", total - lines.len()));
    }
    lines.insert(0, "*Since the last green run*".to_owned());
    let text = lines_within(&lines, SLACK_SECTION_TEXT, SLACK_UNIT);
    (text.contains('\n')).then(|| json!({"type": "section", "text": markup(text)}))
}

fn one_commit(surroundings: &Surroundings, commit: &Commit, mentions: bool) -> String {
    let id = chat_id(surroundings, commit, is_member).filter(|_| mentions);
    let author = id.map_or_else(|| code(&commit.author, MOST_TITLE), mention);
    let sha = short_commit(&commit.sha).map(|sha| code(sha, MOST_TITLE)).unwrap_or_default();
    let parts = [sha, code(&commit.title, MOST_TITLE), author];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn buttons(surroundings: &Surroundings) -> Option<Value> {
    let ci = surroundings.ci.as_ref()?;
    let pull = ci.pull_request.as_ref().and_then(|pull| page(ci, &pull.url));
    let found = [(words::request(ci, 0).0, pull), ("Run", run_page(ci))];
    let elements: Vec<Value> = found
        .into_iter()
        .filter_map(|(text, url)| {
            let url = url?;
            Some(json!({"type": "button", "text": plain_text(text, SLACK_BUTTON_TEXT), "url": url}))
        })
        .collect();
    (!elements.is_empty()).then(|| json!({"type": "actions", "elements": elements}))
}
