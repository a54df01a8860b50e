//! All lines of an output, one after the other.

use flaky_plugin_javascript::{Test, nanoseconds_of_millis};
use flaky_plugin_sdk::{Completeness, Diagnostic, Outcome, PackedAttempt, PackedTestsBuilder};

use super::errors::Error;
use super::line::{Leaf, Mark, count, glued_leaf, indented, leaf, passing, timed};
use crate::parser::{failed_outcome, push};

/// What the text has told so far.
#[derive(Debug, Default)]
pub(crate) struct Run {
    items: Vec<Item>,
    blocks: Vec<String>,
    /// Whether a block at the top may begin here: after an empty line, or where only tests came before.
    top: bool,
    /// Whether what was read last is an item.
    fresh: bool,
    /// Failed tests so far: their numbers go up.
    failed: u64,
    /// Whether a block and a test in it stood one below the other: what mocha prints, and few others.
    tree: bool,
    place: Place,
    last_was_block: bool,
    /// Empty lines in a row.
    blank: usize,
    /// Whether the tree begins as mocha's does: after two empty lines.
    begins: bool,
    /// Whether a line of somebody else's stands in the tree.
    mixed: bool,
    /// Whether the last line was somebody else's.
    foreign: bool,
    /// Whether tests are looked for behind other text as well.
    glued: bool,
    /// Of runs that came before in the same text.
    earlier: Counts,
}

#[derive(Debug, Default)]
enum Place {
    /// The tree.
    #[default]
    Tree,
    /// Counts, which a test may have printed: what follows shows it.
    Counts(Counts),
    Errors(Counts, Vec<Error>),
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    passing: u64,
    pending: u64,
    failing: u64,
}

impl Counts {
    fn and(self, other: Self) -> Self {
        Self {
            passing: self.passing.saturating_add(other.passing),
            pending: self.pending.saturating_add(other.pending),
            failing: self.failing.saturating_add(other.failing),
        }
    }
}

#[derive(Debug)]
struct Item {
    blocks: Vec<String>,
    title: String,
    mark: Mark,
    millis: Option<f64>,
    /// Whether lines that are none of mocha's stand right above and right below.
    foreign_above: bool,
    foreign_below: bool,
}

impl Run {
    /// Also finds tests behind what others printed without ending the line.
    pub(crate) fn of_glued() -> Self {
        Self { glued: true, ..Self::default() }
    }

    /// `whole` is false for a last line that may have lost its end.
    pub(crate) fn line(&mut self, line: &str, whole: bool) {
        if matches!(self.place, Place::Errors(..)) {
            self.in_errors(line);
            return;
        }
        if let Some(passing) = passing(line) {
            self.place = Place::Counts(Counts { passing, ..Counts::default() });
            self.foreign();
            return;
        }
        if let Place::Counts(counts) = &mut self.place {
            if let Some(failing) = count(line, "failing") {
                counts.failing = failing;
                return;
            }
            if let Some(pending) = count(line, "pending") {
                counts.pending = pending;
                return;
            }
            let counts = *counts;
            if counts.failing > 0
                && counts.failing >= self.failed
                && let Some(error) = Error::start(line, 1)
            {
                self.place = Place::Errors(counts, vec![error]);
                return;
            }
        }
        self.in_tree(line, whole);
    }

    fn in_tree(&mut self, line: &str, whole: bool) {
        if line.trim().is_empty() {
            self.top = true;
            self.fresh = false;
            self.foreign = false;
            self.blank += 1;
            return;
        }
        let blank = std::mem::take(&mut self.blank);
        if self.items.is_empty() && self.blocks.is_empty() {
            self.begins = blank >= 2;
        }
        if blank >= 2 {
            self.begin_again(line);
        }
        let glued = || glued_leaf(line).filter(|_| self.glued);
        let found = leaf(line).or_else(glued).filter(|leaf| whole && self.fits(leaf));
        if let Some(found) = found {
            // Tests go on: the counts were printed by one.
            self.place = Place::Tree;
            self.blocks.truncate(found.depth);
            if let Mark::Failed(number) = found.mark {
                self.failed = number;
            }
            self.tree |= self.last_was_block && found.depth > 0;
            self.last_was_block = false;
            self.top &= found.depth == 0;
            self.fresh = true;
            self.items.push(Item {
                blocks: self.blocks.clone(),
                title: found.title.to_owned(),
                mark: found.mark,
                millis: found.millis,
                foreign_above: std::mem::take(&mut self.foreign),
                foreign_below: false,
            });
            return;
        }
        match indented(line) {
            Some((depth, title))
                if depth <= self.blocks.len() && (depth > 0 || self.top) && leaf(line).is_none() =>
            {
                if matches!(self.place, Place::Counts(_)) {
                    return;
                }
                self.blocks.truncate(depth);
                self.blocks.push(title.trim_end().to_owned());
                self.top = false;
                self.fresh = false;
                self.last_was_block = true;
                self.foreign = false;
            }
            _ => self.foreign(),
        }
    }

    /// After counts of just what was told before, a tree is that of another run.
    fn begin_again(&mut self, line: &str) {
        let Place::Counts(counts) = self.place else { return };
        let is_block = leaf(line).is_none() && indented(line).is_some_and(|(depth, _)| depth == 0);
        let all = self.earlier.and(counts);
        if is_block && counts.failing == 0 && self.told() == (all.passing, 0) {
            self.earlier = all;
            self.place = Place::Tree;
            self.blocks.clear();
        }
    }

    /// How many tests passed and failed.
    fn told(&self) -> (u64, u64) {
        let of = |wanted: fn(Mark) -> bool| self.items.iter().filter(|item| wanted(item.mark)).count() as u64;
        (of(|mark| mark == Mark::Passed), of(|mark| matches!(mark, Mark::Failed(_))))
    }

    /// Failed tests are numbered, and no test stands deeper than the blocks around it.
    fn fits(&self, found: &Leaf<'_>) -> bool {
        let numbered = match found.mark {
            Mark::Failed(number) => number == self.failed + 1,
            Mark::Passed | Mark::Pending => true,
        };
        numbered && found.depth <= self.blocks.len()
    }

    /// A line of somebody else's.
    fn foreign(&mut self) {
        if std::mem::take(&mut self.fresh)
            && let Some(item) = self.items.last_mut()
        {
            item.foreign_below = true;
        }
        self.top = false;
        self.last_was_block = false;
        self.foreign = true;
        self.mixed |= !self.items.is_empty() || !self.blocks.is_empty();
    }

    fn in_errors(&mut self, line: &str) {
        let Place::Errors(counts, errors) = &mut self.place else { return };
        let next = errors.len() as u64 + 1;
        let started = if next <= counts.failing { Error::start(line, next) } else { None };
        match (started, errors.last_mut()) {
            (Some(error), _) => errors.push(error),
            (None, Some(error)) => error.line(line),
            (None, None) => {}
        }
    }

    pub(crate) fn finish(mut self) -> Option<PackedAttempt> {
        let (counts, errors) = match std::mem::take(&mut self.place) {
            Place::Tree => (None, Vec::new()),
            Place::Counts(counts) => (Some(counts), Vec::new()),
            Place::Errors(counts, errors) => (Some(counts), errors),
        };
        // Without counts, only a tree is mocha's that nothing else stands in: others print such trees too.
        if counts.is_none() && !(self.tree && self.begins && !self.mixed) {
            return None;
        }
        let mut parsed = PackedAttempt {
            format: "mocha-spec".to_owned(),
            completeness: Completeness::Truncated,
            ..PackedAttempt::default()
        };
        if let Some(counts) = counts.map(|counts| self.earlier.and(counts)) {
            if self.failed < counts.failing {
                // The tree would have every failed test: another reporter is at work, and what looked like tests is not.
                self.items.clear();
            }
            self.drop_printed(counts);
            self.compare(counts, errors.len() as u64, &mut parsed);
        }
        self.drop_first_ends(&errors);
        self.read_as_list();
        let mut tests = PackedTestsBuilder::default();
        let mut unnamed: Vec<Option<Error>> =
            errors.into_iter().map(|error| Some(error).filter(|error| error.named)).collect();
        for item in self.items {
            let error = match item.mark {
                Mark::Failed(number) => usize::try_from(number - 1)
                    .ok()
                    .and_then(|index| unnamed.get_mut(index))
                    .and_then(Option::take),
                Mark::Passed | Mark::Pending => None,
            };
            item.tell(error, &mut tests);
        }
        for error in unnamed.into_iter().flatten() {
            let title = error.titles.last().cloned().unwrap_or_default();
            let item = Item {
                blocks: Vec::new(),
                title,
                mark: Mark::Failed(0),
                millis: None,
                foreign_above: false,
                foreign_below: false,
            };
            item.tell(Some(error), &mut tests);
        }
        parsed.tests = tests.finish();
        Some(parsed)
    }

    /// Where more tests passed than were counted, lines of the output were taken for tests: those between lines that
    /// are none of mocha's, if that explains all.
    fn drop_printed(&mut self, counts: Counts) {
        let passed = |item: &Item| item.mark == Mark::Passed;
        let between = |item: &Item| passed(item) && item.foreign_above && item.foreign_below;
        let named = self.items.iter().filter(|item| passed(item)).count() as u64;
        let printed = self.items.iter().filter(|item| between(item)).count() as u64;
        if named > counts.passing && named - counts.passing == printed {
            self.items.retain(|item| !between(item));
        }
    }

    /// The reporter `list` knows no blocks, and ends every test that passed with its time: `Cart adds: 12ms`.
    fn read_as_list(&mut self) {
        let mut passed: Vec<&mut Item> =
            self.items.iter_mut().filter(|item| item.mark == Mark::Passed).collect();
        if passed.iter().any(|item| !item.blocks.is_empty() || timed(&item.title).is_none()) {
            return;
        }
        for item in &mut passed {
            if let Some((title, millis)) = timed(&item.title) {
                (item.title, item.millis) = (title.to_owned(), Some(millis));
            }
        }
    }

    /// What passed and then called `done` again has failed.
    fn drop_first_ends(&mut self, errors: &[Error]) {
        let mut before: Option<Item> = None;
        let mut kept = Vec::with_capacity(self.items.len());
        for item in std::mem::take(&mut self.items) {
            let error = match item.mark {
                Mark::Failed(number) => usize::try_from(number - 1).ok().and_then(|at| errors.get(at)),
                Mark::Passed | Mark::Pending => None,
            };
            let is_again = error.is_some_and(Error::is_second_end)
                && before.as_ref().is_some_and(|b| b.title == item.title && b.mark == Mark::Passed);
            kept.extend(before.replace(item).filter(|_| !is_again));
        }
        kept.extend(before);
        self.items = kept;
    }

    fn compare(&self, counts: Counts, errors: u64, parsed: &mut PackedAttempt) {
        let (passed, failed) = self.told();
        let told_errors = errors == counts.failing;
        if passed == counts.passing && failed == counts.failing && told_errors {
            parsed.completeness = Completeness::Complete;
            if passed + failed == 0 && counts.pending == 0 {
                parsed.diagnostics.push(Diagnostic::new("no-tests", "mocha ran no test"));
            }
        } else if passed < counts.passing {
            let said = format!("{} tests passed, and {passed} are named", counts.passing);
            let hint = "run mocha with `--reporter spec`";
            parsed.diagnostics.push(Diagnostic::new("unnamed-tests", said).hint(hint));
        } else if told_errors {
            let said = format!(
                "{} tests passed and {} failed, and {passed} and {failed} are named",
                counts.passing, counts.failing
            );
            parsed.diagnostics.push(Diagnostic::warning("counters-disagree", said));
        }
    }
}

impl Item {
    fn tell(self, error: Option<Error>, tests: &mut PackedTestsBuilder) {
        let failure = error.as_ref().map(Error::failure);
        // The titles of the error are right even where something was printed between those of the tree.
        let titles = error.map(|error| error.titles);
        let titles = titles.unwrap_or_else(|| self.blocks.iter().chain([&self.title]).cloned().collect());
        let (full, title) = (titles.join(" "), titles.last().cloned().unwrap_or_default());
        let outcome = match self.mark {
            Mark::Passed => Outcome::Passed,
            Mark::Pending => Outcome::Skipped,
            Mark::Failed(_) => {
                failed_outcome(&title, failure.as_ref().map_or("", |failure| &failure.message))
            }
        };
        let test = Test {
            duration: self.millis.and_then(nanoseconds_of_millis),
            failures: failure.into_iter().collect(),
            ..Test::new(Vec::new(), outcome)
        };
        push(tests, &full, &title, test);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        let mut run = Run::default();
        for line in text.lines() {
            run.line(line, true);
        }
        let tests = run.finish().unwrap_or_default().tests.results();
        tests.into_iter().map(|test| test.id).collect()
    }

    #[test]
    fn what_a_test_printed_is_told_apart_by_the_counts() {
        let printed = "\n  cart\n    ✔ adds\n  fake\n    ✔ fake one\n    7) fake two\n\n  99 passing (1ms)\n\n    ✔ prints\n";
        assert_eq!(ids(&format!("{printed}\n\n  2 passing (3ms)\n")), ["cart adds", "cart prints"]);
    }

    #[test]
    fn a_list_has_times_behind_its_titles_and_a_tree_may_have_titles_that_look_so() {
        let list = "\n  ✔ cart adds: 0ms\nprinted\n  ✔ cart took: 3ms: 12ms\n  1) cart fails: 4ms\n  - cart later: 5ms\n\n  2 passing (3ms)\n  1 pending\n  1 failing\n\n  1) cart\n       fails: 4ms:\n     no\n";
        assert_eq!(ids(list), ["cart adds", "cart took: 3ms", "cart fails: 4ms", "cart later: 5ms"]);
        let tree = "\n\n  cart\n    ✔ took: 3ms\n\n\n  1 passing (3ms)\n";
        assert_eq!(ids(tree), ["cart took: 3ms"]);
    }

    #[test]
    fn a_test_that_ends_twice_is_one() {
        let text = "\n\n  cart\n    ✔ adds\n    1) adds\n\n\n  1 passing (1ms)\n  1 failing\n\n  1) cart\n       adds:\n     Error: done() called multiple times in test <cart adds> of file a.js\n";
        assert_eq!(ids(text), ["cart adds"]);
    }

    #[test]
    fn a_second_run_may_follow() {
        let one = "\n\n  cart\n    ✔ adds\n\n\n  1 passing (1ms)\n\n";
        let two = "\n\n  shop\n    ✔ opens\n    1) closes\n\n\n  1 passing (1ms)\n  1 failing\n\n  1) shop\n       closes:\n     no\n";
        assert_eq!(ids(&format!("{one}{two}")), ["cart adds", "shop opens", "shop closes"]);
    }

    #[test]
    fn a_tree_that_anybody_could_print_is_not_read() {
        for text in
            ["  ✔ adds\n  ✔ rounds\n", "cart\n    ✔ adds\n", "  cart\n\n    ✔ adds\n", "  1 passing\n"]
        {
            assert_eq!(ids(text), [""; 0], "{text}");
        }
    }
}
