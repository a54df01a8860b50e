//! The page of one test.

use flaky_core::date::Date;
use flaky_core::history::{
    CommitShare, Onset, PastGroup, Recovery, Share, Step, Timestamp, ago, percent, short,
};
use flaky_core::text::visible;

use super::columns::{fitted, left, line, right, strip};
use crate::commands::history::documents::{Suspect, TestPage};

/// Runs in the strip, the newest: as many as fit beside the label.
const LABEL: usize = 9;
/// Commits listed, the newest: a screen.
const MOST_COMMITS: usize = 20;
/// Failure groups listed, the most frequent.
const MOST_GROUPS: usize = 10;
/// Suspects listed: who wants all of them has the range.
const MOST_SUSPECTS: usize = 10;

/// Everything known of one test.
pub(in crate::commands::history) fn show(page: &TestPage, now: Timestamp, width: usize) -> String {
    let mut text = String::new();
    let test = &page.history;
    line(&mut text, &visible(test.id.as_str()));
    let (repository, suite) = (visible(&test.series.repository), visible(&test.series.suite));
    let place = test.location.as_ref().map(|location| match location.line {
        Some(at) => format!("; {}:{at}", visible(&location.file)),
        None => format!("; {}", visible(&location.file)),
    });
    line(&mut text, &format!("{repository}, suite `{suite}`{}", place.unwrap_or_default()));
    text.push('\n');
    let shares: Vec<Share> = test.results.iter().map(|result| result.share()).collect();
    summary(&mut text, page, &shares, now);
    let columns = width.saturating_sub(LABEL).max(10);
    let newest = shares.len().saturating_sub(columns);
    let strip = strip(shares.get(newest..).unwrap_or_default().iter().copied());
    line(&mut text, &format!("{}{strip}", left("runs", LABEL)));
    text.push('\n');
    if let Some(onset) = &page.onset {
        began(&mut text, onset, page.suspects.as_deref(), width);
    }
    if let Some(recovery) = &page.recovery {
        ended(&mut text, recovery);
    }
    if let Some(step) = page.step.as_ref().filter(|step| step.is_shown()) {
        stepped(&mut text, step);
    }
    commits(&mut text, &test.commits());
    groups(&mut text, &test.groups, width);
    text
}

fn summary(text: &mut String, page: &TestPage, shares: &[Share], now: Timestamp) {
    let all = Share::total(shares);
    let failing = shares.iter().filter(|share| share.failed > 0).count();
    let first = page.history.runs.first().map(|run| run.context.started);
    let last = page.history.runs.last().map(|run| run.context.started);
    let period = match (first, last) {
        (Some(first), Some(last)) => format!(", {} to {}", Date::of(first), Date::of(last)),
        _ => String::new(),
    };
    if all.failed == 0 {
        let runs = count(shares.len(), "run");
        line(
            text,
            &format!(
                "never failed: {} attempts in {runs}{period}; it fails at most {}",
                all.ran,
                rate(all.at_most())
            ),
        );
        return;
    }
    let interval = all.interval();
    let (low, high) = (rate(interval.low), rate(interval.high));
    line(
        text,
        &format!(
            "failed {} of {} attempts ({}; {low} to {high}), in {failing} of {}{period}",
            all.failed,
            all.ran,
            percent(all),
            count(shares.len(), "run"),
        ),
    );
    let failed = page.history.runs.iter().zip(shares).filter(|(_, share)| share.failed > 0);
    if let Some((run, _)) = failed.last() {
        line(text, &format!("last failed {}", ago(run.context.started, now)));
    }
}

fn began(text: &mut String, onset: &Onset, suspects: Option<&[Suspect]>, width: usize) {
    let since = onset.since;
    let seen = format!("{} of {} since, {}", since.failed, since.ran, percent(since));
    line(text, &format!("{}first failed at {} ({seen})", left("began", LABEL), short(&onset.first_failed)));
    let indent = " ".repeat(LABEL);
    match (&onset.last_clean, onset.could_be.len()) {
        (Some(clean), 1) => {
            line(text, &format!("{indent}it was not flaky at {}, the run before", short(clean)));
            line(text, &format!("{indent}git log {}..{}", short(clean), short(&onset.first_failed)));
        }
        (Some(clean), several) => {
            line(
                text,
                &format!(
                    "{indent}one of the last {several} commits that ran, up to that one: it was not flaky at {}, surely (95 %)",
                    short(clean)
                ),
            );
            line(text, &format!("{indent}git log {}..{}", short(clean), short(&onset.first_failed)));
        }
        (None, _) => line(
            text,
            &format!("{indent}or before: {} clean attempts earlier exclude no commit", onset.clean),
        ),
    }
    for suspect in suspects.into_iter().flatten().take(MOST_SUSPECTS) {
        let row = format!("{indent}  {} {}", short(&suspect.commit), visible(&suspect.title));
        line(text, &row.chars().take(width).collect::<String>());
    }
    let more = suspects.map_or(0, <[Suspect]>::len).saturating_sub(MOST_SUSPECTS);
    if more > 0 {
        line(text, &format!("{indent}  and {more} more"));
    }
}

fn ended(text: &mut String, recovery: &Recovery) {
    let Some(since) = &recovery.clean_since else { return };
    let label = left(if recovery.is_shown() { "mended" } else { "clean" }, LABEL);
    let attempts = count(recovery.clean.try_into().unwrap_or(usize::MAX), "clean attempt");
    let at_most = rate(recovery.at_most);
    if recovery.is_shown() {
        let by = match &recovery.could_be[..] {
            [one] => format!("by {}", short(one)),
            [first, .., last] => format!("by one of {} to {}", short(first), short(last)),
            [] => String::new(),
        };
        line(
            text,
            &format!("{label}{by}: {attempts} since {}; it fails at most {at_most} now", short(since)),
        );
    } else {
        line(
            text,
            &format!(
                "{label}{attempts} since {}, which may be luck: it fails at most {at_most}",
                short(since)
            ),
        );
    }
}

fn stepped(text: &mut String, step: &Step) {
    let (before, after) = (percent(step.before), percent(step.after));
    line(
        text,
        &format!("{}at {}: {before} before, {after} from there on", left("changed", LABEL), short(&step.at)),
    );
}

fn commits(text: &mut String, commits: &[CommitShare]) {
    if commits.is_empty() {
        return;
    }
    text.push('\n');
    line(text, "by commit, newest first");
    for commit in commits.iter().rev().take(MOST_COMMITS) {
        let share = commit.share;
        let row = [
            format!("  {}", Date::of(commit.first_run)),
            short(&commit.commit),
            right(&percent(share), 7),
            right(&format!("{} of {}", share.failed, share.ran), 13),
        ];
        line(text, &row.join("  "));
    }
    if let Some(more) = commits.len().checked_sub(MOST_COMMITS).filter(|more| *more > 0) {
        line(text, &format!("  and {more} older"));
    }
}

fn groups(text: &mut String, groups: &[PastGroup], width: usize) {
    if groups.is_empty() {
        return;
    }
    text.push('\n');
    line(text, "how it fails");
    for group in groups.iter().take(MOST_GROUPS) {
        let first = group.message.lines().next().unwrap_or_default();
        let said: Vec<&str> =
            [group.kind.as_str(), first].into_iter().filter(|t| !t.trim().is_empty()).collect();
        let said = if said.is_empty() { "(nothing said)".to_owned() } else { said.join(": ") };
        let times = right(&format!("{} ×", group.count), 8);
        line(text, &format!("{times}  {}", cut(&visible(&said), width.saturating_sub(10))));
        let (first, last) = (Date::of(group.first_seen), Date::of(group.last_seen));
        let runs = count(group.runs.try_into().unwrap_or(usize::MAX), "run");
        line(text, &format!("{}{first} to {last}, {runs}", " ".repeat(10)));
    }
}

/// The beginning of a text, in so many columns.
fn cut(text: &str, columns: usize) -> String {
    let backwards: String = text.chars().rev().collect();
    fitted(&backwards, columns).chars().rev().collect()
}

fn rate(rate: f64) -> String {
    match rate * 100.0 {
        r if r < 10.0 => format!("{r:.1} %"),
        r => format!("{r:.0} %"),
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
