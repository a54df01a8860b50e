//! The message.

use flaky_plugin_platforms::discord::{code, sentence};
use flaky_plugin_platforms::limits::{
    DISCORD_DESCRIPTION, DISCORD_FIELD_VALUE, DISCORD_FOOTER, DISCORD_TITLE, DISCORD_UNIT, DISCORD_USERNAME,
};
use flaky_plugin_platforms::links::{page, run_page};
use flaky_plugin_platforms::measure::cut;
use flaky_plugin_platforms::words::{self, lines_within, severity, short_commit, verdict};
use flaky_plugin_sdk::report::{Report, Test, plural, visible};
use flaky_plugin_sdk::surroundings::{Commit, Surroundings};
use serde_json::{Value, json};

use crate::settings::Settings;

/// Tests and commits that are shown; more nobody reads in a chat.
const MOST_TESTS: usize = 5;
const MOST_COMMITS: usize = 5;

/// Characters of a name, a failure, a commit's title: five lines of them fit into a field.
const MOST_NAME: usize = 90;
const MOST_TITLE: usize = 60;

/// Characters of the footer.
const MOST_FOOTER: usize = 200;

/// Characters of the reason and of the hint.
const MOST_SENTENCE: usize = 600;

pub(crate) fn of(report: &Report, surroundings: &Surroundings, settings: &Settings) -> Value {
    let mut fields = Vec::new();
    if words::has_result(report) {
        fields.extend(numbers(report, surroundings));
        fields.extend(tests(report));
        fields.extend(commits(surroundings));
    }
    let mut embed = json!({
        "title": cut(&words::title(report, surroundings, str::to_owned), DISCORD_TITLE, DISCORD_UNIT),
        "description": cut(&description(report, surroundings), DISCORD_DESCRIPTION, DISCORD_UNIT),
        "color": words::colour(report),
        "fields": fields,
    });
    if let Some(ci) = &surroundings.ci {
        if let Some(url) = run_page(ci) {
            embed["url"] = url.into();
        }
        // A footer shows its text as it is.
        let text = cut(&visible(ci.repository.trim()), MOST_FOOTER.min(DISCORD_FOOTER), DISCORD_UNIT);
        if !text.is_empty() {
            embed["footer"] = json!({ "text": text });
        }
    }
    json!({
        "username": cut(&settings.username, DISCORD_USERNAME, DISCORD_UNIT),
        // Whatever the text says, nobody is called.
        "allowed_mentions": {"parse": []},
        "embeds": [embed],
    })
}

fn description(report: &Report, surroundings: &Surroundings) -> String {
    let mut parts = vec![format!("**{}**", words::recommendation(report, surroundings))];
    parts.extend(words::sentences(report).iter().map(|text| sentence(text, MOST_SENTENCE)));
    if let Some(ci) = &surroundings.ci
        && let Some(pull) = &ci.pull_request
        && words::is_older(ci.commit.as_deref(), &pull.head)
    {
        parts.push("The head is newer than what was measured.".to_owned());
    }
    if surroundings.untrusted {
        parts.push(words::UNTRUSTED.to_owned());
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn field(name: &str, value: &str, inline: bool) -> Option<Value> {
    let value = value.trim();
    (!value.is_empty()).then(|| json!({"name": name, "value": value, "inline": inline}))
}

fn numbers(report: &Report, surroundings: &Surroundings) -> Vec<Value> {
    let mut fields = vec![field(
        "Failed",
        &format!("{} of {}", report.failures, plural(report.total_runs, "attempt")),
        true,
    )];
    if let Some(found) = &report.severity {
        fields.push(field("Severity", severity(found), true));
    }
    if let Some(ci) = &surroundings.ci {
        let branch = ci.branch.as_deref().map(|name| code(name, MOST_NAME)).unwrap_or_default();
        let commit = ci.commit.as_deref().and_then(short_commit).map(|c| code(c, MOST_NAME));
        fields.push(field("Branch", &branch, true));
        fields.push(field("Commit", &commit.unwrap_or_default(), true));
        if let Some(pull) = &ci.pull_request {
            let (name, number) = words::request(ci, pull.number);
            let text = page(ci, &pull.url).map_or_else(|| number.clone(), |url| format!("[{number}]({url})"));
            fields.push(field(name, &text, true));
        }
    }
    fields.into_iter().flatten().collect()
}

fn tests(report: &Report) -> Option<Value> {
    let troubled: Vec<&Test> = words::troubled(report).collect();
    let mut lines: Vec<String> = troubled.iter().take(MOST_TESTS).map(|test| one_test(test)).collect();
    if troubled.len() > MOST_TESTS {
        lines.push(format!("and {} more", troubled.len() - MOST_TESTS));
    }
    field("Tests", &lines_within(&lines, DISCORD_FIELD_VALUE, DISCORD_UNIT), false)
}

fn one_test(test: &Test) -> String {
    let id = code(&test.id, MOST_NAME);
    let id = if id.is_empty() { "a test without a name".to_owned() } else { id };
    let mut text = format!("{id} {}: {} of {} failed", verdict(&test.verdict), test.failures, test.ran);
    let failure = test.main_failure().map(|group| code(&group.headline(), MOST_TITLE)).unwrap_or_default();
    if !failure.is_empty() {
        text += &format!(", {failure}");
    }
    text
}

fn commits(surroundings: &Surroundings) -> Option<Value> {
    let since = surroundings.ci.as_ref()?.since_green.as_ref()?;
    let mut lines: Vec<String> = since.commits.iter().take(MOST_COMMITS).map(one_commit).collect();
    let total = usize::try_from(since.total_commits).unwrap_or(usize::MAX).max(since.commits.len());
    if total > lines.len() && !lines.is_empty() {
        lines.push(format!("and {} more", total - lines.len()));
    }
    field("Since the last green run", &lines_within(&lines, DISCORD_FIELD_VALUE, DISCORD_UNIT), false)
}

fn one_commit(commit: &Commit) -> String {
    let sha = short_commit(&commit.sha).map(|sha| code(sha, MOST_NAME)).unwrap_or_default();
    let parts = [sha, code(&commit.title, MOST_TITLE), code(&commit.author, MOST_TITLE)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}
