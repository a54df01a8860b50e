//! The table of tests.

use flaky_plugin_sdk::report::{
    Category, Change, Report, Severity, Test, at_most_when_never, percent, plural, visible,
};

use crate::page::{Page, Style, columns, padded, shortened, wrapped};
use crate::{severity_style, verdict_style};

/// From this many on, stable tests that have nothing to tell share one line.
const FOLD_FROM: usize = 4;

/// More rows than this nobody reads on a terminal; the documents hold them all.
const MOST_ROWS: usize = 100;

/// A test column narrower than this holds hardly any id; all of them then get a line of their own.
const LEAST_ID_COLUMN: usize = 24;

/// Lines of a failure that are shown under its test.
const MOST_NOTE_LINES: usize = 2;

/// Spaces between columns.
const GAP: usize = 2;

const HEADINGS: [&str; 5] = ["test", "failed/ran", "rate (95 % interval)", "verdict", "severity"];

/// One line of the table, with what stands under it.
struct Row {
    id: String,
    failed: String,
    rate: String,
    verdict: (String, Style),
    severity: (String, Style),
    notes: Vec<(String, Style)>,
}

pub(crate) fn write(page: &mut Page, report: &Report) {
    let judged: Vec<&Test> = report.tests.iter().filter(|test| !test.ignored).collect();
    let quiet = judged.iter().filter(|test| test.is_quiet()).count();
    let fold = quiet >= FOLD_FROM;
    let mut rows: Vec<Row> =
        judged.iter().filter(|test| !(fold && test.is_quiet())).map(|test| row_of(test)).collect();
    let left_out = rows.len().saturating_sub(MOST_ROWS);
    rows.truncate(MOST_ROWS);
    if fold {
        let quiet: Vec<&Test> = judged.iter().copied().filter(|test| test.is_quiet()).collect();
        rows.extend(folded(&quiet));
    }
    if rows.is_empty() {
        return;
    }
    let layout = Layout::of(&rows, page.width);
    layout.headings(page);
    for row in &rows {
        layout.row(page, row);
    }
    if left_out > 0 {
        let left_out = u32::try_from(left_out).unwrap_or(u32::MAX);
        page.paragraph(
            "  ",
            &format!("… and {} more; `--report json=FILE` lists all", plural(left_out, "test")),
            Style::Dim,
        );
    }
    page.blank();
}

fn row_of(test: &Test) -> Row {
    Row {
        id: visible(&test.id),
        failed: format!("{}/{}", test.failures, test.ran),
        rate: test.rate_text(),
        verdict: (visible(test.verdict.as_str()), verdict_style(&test.verdict)),
        severity: match &test.severity {
            Some(severity) => (visible(severity.as_str()), severity_style(severity)),
            None => ("–".to_owned(), Style::Dim),
        },
        notes: notes_of(test),
    }
}

/// What stands under a row: the most frequent failure, and what makes this test's numbers special.
fn notes_of(test: &Test) -> Vec<(String, Style)> {
    let mut notes = Vec::new();
    if let Some(group) = test.main_failure() {
        let others = test.failure_groups.len().saturating_sub(1);
        let others = u32::try_from(others).unwrap_or(u32::MAX);
        let share = match others {
            0 => String::new(),
            _ => format!(
                " ({} of {}, {} seen)",
                group.count,
                plural(test.failures, "failure"),
                plural(others, "other kind")
            ),
        };
        notes.push((format!("{}{share}", visible(&group.headline())), Style::Plain));
    }
    if let Some((text, change)) = test.change_text() {
        notes.push((text, change_style(change)));
    }
    let reason_is_told = test.failed_in_ci || test.verdict == Category::Inconclusive;
    // It stands behind the reason, too.
    if let Some(text) = test.history_text().filter(|_| !reason_is_told) {
        notes.push((visible(text), Style::Plain));
    }
    if let Some(text) = test.quarantine_text() {
        notes.push((visible(&text), Style::Dim));
    }
    if let Some(text) = test.tags_text() {
        notes.push((visible(&text), Style::Plain));
    }
    if test.failed_in_ci && !test.reason.is_empty() {
        notes.push((visible(&test.reason), Style::Plain));
    }
    if let Some(selected) = test.selected.filter(|selected| selected.ran > 0) {
        let (failed, ran) = (selected.failed, selected.ran);
        notes.push((format!("without the other tests it failed {failed} of {ran}"), Style::Dim));
    }
    if let Some(beside) = test.side_by_side {
        let (failed, ran) = (beside.failed, beside.ran);
        notes.push((
            format!("with copies side by side it failed {failed} of {ran}; the attempts alone count"),
            Style::Dim,
        ));
    } else if let Some(alone) = test.alone {
        notes.push((format!("alone it failed {} of {}", alone.failed, alone.ran), Style::Dim));
    }
    if test.counts.retried > 0 {
        let times = plural(test.counts.retried, "attempt");
        notes.push((format!("in {times} it passed only after the framework tried again"), Style::Dim));
    }
    if test.counts.missing > 0 {
        notes.push((format!("{} did not tell of it", plural(test.counts.missing, "attempt")), Style::Dim));
    }
    if test.verdict == Category::Inconclusive && !test.reason.is_empty() {
        notes.push((visible(&test.reason), Style::Dim));
    }
    notes
}

fn change_style(change: &Change) -> Style {
    match change {
        Change::Introduced | Change::Worsened => Style::Bad,
        Change::Fixed => Style::Good,
        Change::WasThereBefore | Change::NoEvidence | Change::Other(_) => Style::Dim,
    }
}

/// Lines for tests that are stable and nothing else: those that ran, and those that never did.
fn folded(quiet: &[&Test]) -> Vec<Row> {
    let (ran, skipped): (Vec<&Test>, Vec<&Test>) = quiet.iter().copied().partition(|test| test.ran > 0);
    let mut rows = Vec::new();
    let least = ran.iter().map(|test| test.ran).min();
    if let (Some(least), Some(most)) = (least, ran.iter().map(|test| test.ran).max()) {
        let level = ran.iter().map(|test| test.interval.level).fold(f64::NAN, f64::max);
        let each = if least == most { format!("0/{least}") } else { format!("0/{least}–{most}") };
        let rate = format!("at most {}", percent(at_most_when_never(least, level)));
        rows.push(fold_row(ran.len(), "stable test", each, rate));
    }
    if !skipped.is_empty() {
        rows.push(fold_row(skipped.len(), "skipped test", "0/0".to_owned(), "never ran".to_owned()));
    }
    rows
}

fn fold_row(count: usize, what: &str, failed: String, rate: String) -> Row {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let each = if count == 1 { "" } else { ", each" };
    Row {
        id: format!("{}{each}", plural(count, what)),
        failed,
        rate,
        verdict: (Category::Stable.to_string(), Style::Good),
        severity: (Severity::None.to_string(), Style::Good),
        notes: Vec::new(),
    }
}

/// Widths of the columns; `id` is `None` when ids stand on lines of their own.
struct Layout {
    id: Option<usize>,
    failed: usize,
    rate: usize,
    verdict: usize,
    severity: usize,
}

fn id_alone(page: &mut Page, id: &str) {
    for part in wrapped(id, page.width.saturating_sub(2)) {
        page.line(&format!("  {part}"));
    }
}

impl Layout {
    fn of(rows: &[Row], width: usize) -> Self {
        let widest = |heading: &str, text: &dyn Fn(&Row) -> &str| {
            rows.iter().map(|row| columns(text(row))).max().unwrap_or(0).max(columns(heading))
        };
        let [_, failed, rate, verdict, severity] = HEADINGS;
        let failed = widest(failed, &|row| &row.failed);
        let rate = widest(rate, &|row| &row.rate);
        let verdict = widest(verdict, &|row| &row.verdict.0);
        let severity = widest(severity, &|row| &row.severity.0);
        let longest_id = rows.iter().map(|row| columns(&row.id)).max().unwrap_or(0).max(columns("test"));
        let room = width.saturating_sub(2 + failed + rate + verdict + severity + 4 * GAP);
        let id = (longest_id <= room || room >= LEAST_ID_COLUMN).then_some(longest_id.min(room));
        Self { id, failed, rate, verdict, severity }
    }

    fn headings(&self, page: &mut Page) {
        let [test, failed, rate, verdict, severity] = HEADINGS;
        let numbers = format!(
            "{failed:>failed_width$}  {}  {}  {severity}",
            padded(rate, self.rate),
            padded(verdict, self.verdict),
            failed_width = self.failed,
        );
        let line = match self.id {
            Some(id) => format!("  {}  {numbers}", padded(test, id)),
            None => {
                page.line(&page.painted("  test", Style::Dim));
                self.stacked(&numbers, page.width)
            }
        };
        page.line(&page.painted(&line, Style::Dim));
    }

    /// A line under an id; without the severity's heading when only that does not fit.
    fn stacked(&self, numbers: &str, width: usize) -> String {
        shortened(&format!("    {numbers}"), width)
    }

    fn row(&self, page: &mut Page, row: &Row) {
        let numbers = format!(
            "{:>failed$}  {}  {}  {}",
            row.failed,
            padded(&row.rate, self.rate),
            page.painted(&padded(&row.verdict.0, self.verdict), row.verdict.1),
            page.painted(&row.severity.0, row.severity.1),
            failed = self.failed,
        );
        match self.id {
            Some(width) if columns(&row.id) <= width => {
                page.line(&format!("  {}  {numbers}", padded(&row.id, width)))
            }
            // An id that is too long for its column stays in one piece, so that it can be read and copied.
            Some(width) => {
                id_alone(page, &row.id);
                page.line(&format!("  {}  {numbers}", padded("", width)));
            }
            None => {
                id_alone(page, &row.id);
                if page.width < self.stacked_width() {
                    self.row_in_pieces(page, row);
                } else {
                    page.line(&format!("    {numbers}"));
                }
            }
        }
        for (note, style) in &row.notes {
            page.short_paragraph("      ", note, *style, MOST_NOTE_LINES);
        }
    }

    const fn stacked_width(&self) -> usize {
        4 + self.failed + self.rate + self.verdict + self.severity + 3 * GAP
    }

    /// For very narrow terminals: the same, unaligned, wrapped between the pieces.
    fn row_in_pieces(&self, page: &mut Page, row: &Row) {
        let pieces = [
            (format!("    {}", row.failed), Style::Plain),
            (row.rate.clone(), Style::Plain),
            row.verdict.clone(),
            row.severity.clone(),
        ];
        page.separated(&pieces);
    }
}
