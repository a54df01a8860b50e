//! Lines of a verbose run: `CartTest#test_adds = 0.00 s = .`
//!
//! The name is printed when the test begins and the rest when it ends, so whatever the test prints stands in between.

use flaky_plugin_sdk::Outcome;

/// A test that ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ended {
    pub(super) id: String,
    pub(super) outcome: Outcome,
    pub(super) seconds: f64,
    /// It stood in a line of its own while another test ran: that one may have printed it.
    pub(super) doubtful: bool,
    /// Its name holds what looks like another test: that may be printed text, and its own result may follow.
    maybe_printed: bool,
}

#[derive(Debug, Default)]
pub(super) struct Progress {
    running: Option<String>,
    pub(super) ended: Vec<Ended>,
}

impl Progress {
    pub(super) fn take(&mut self, line: &str) {
        let Some((before, seconds, outcome)) = result(line) else {
            if self.running.is_none() {
                self.running = beginning(line).map(|(id, _)| id.to_owned());
            }
            return;
        };
        // `X#y = 0.00 s = . = ` is all name when nothing was printed behind it.
        let whole = before.strip_suffix(" = ").filter(|id| is_id(id));
        let id = match (&self.running, whole) {
            (Some(_), Some(id)) => {
                let id = id.to_owned();
                self.ended.push(Ended { id, outcome, seconds, doubtful: true, maybe_printed: false });
                return;
            }
            (Some(_), None) => self.running.take(),
            (None, Some(id)) => Some(id.to_owned()),
            (None, None) => beginning(before).map(|(id, _)| id.to_owned()),
        };
        let Some(id) = id else {
            self.own_result(outcome, seconds);
            return;
        };
        let maybe_printed = beginning(&id).is_some_and(|(_, rest)| is_id(rest));
        self.ended.push(Ended { id, outcome, seconds, doubtful: false, maybe_printed });
    }

    /// A result without a test is that of the one before, which had printed a line that looks like a result.
    fn own_result(&mut self, outcome: Outcome, seconds: f64) {
        let Some(last) = self.ended.last_mut().filter(|test| test.maybe_printed) else { return };
        if let Some((own, _)) = beginning(&last.id) {
            let id = own.to_owned();
            *last = Ended { id, outcome, seconds, doubtful: false, maybe_printed: false };
        }
    }

    /// The test that ran when the output ended.
    pub(super) fn running(&self) -> Option<&str> {
        self.running.as_deref()
    }
}

/// `0.00 s = F` at the end of a line, and what stands before it.
fn result(line: &str) -> Option<(&str, f64, Outcome)> {
    let (before, code) = line.trim_end().rsplit_once(" s = ")?;
    let outcome = match code {
        "." => Outcome::Passed,
        "F" => Outcome::Failed,
        "E" => Outcome::Errored,
        "S" => Outcome::Skipped,
        _ => return None,
    };
    let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (before, number) = before.split_at(before.len() - digits);
    number.contains('.').then_some((before, number.parse().ok()?, outcome))
}

/// `CartTest#test_adds = ` at the beginning of a line, and what follows.
fn beginning(line: &str) -> Option<(&str, &str)> {
    let (id, rest) = line.split_once(" = ").or_else(|| Some((line.strip_suffix(" =")?, "")))?;
    is_id(id).then_some((id, rest))
}

fn is_id(text: &str) -> bool {
    split(text).is_some_and(|(class, name)| !class.is_empty() && !name.is_empty())
        && !text.starts_with(char::is_whitespace)
}

/// Class and name. Names of tests begin with `test_`; descriptions may hold anything.
pub(super) fn split(id: &str) -> Option<(&str, &str)> {
    if let Some(at) = id.find("#test_") {
        return Some((id.get(..at)?, id.get(at + 1..)?));
    }
    id.rsplit_once('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Option<String>) {
        let mut progress = Progress::default();
        text.lines().for_each(|line| progress.take(line));
        let told = progress.ended.iter().map(|test| {
            format!("{} {}{}", test.id, test.outcome as u8, if test.doubtful { "?" } else { "" })
        });
        (told.collect(), progress.running().map(str::to_owned))
    }

    #[test]
    fn what_a_test_prints_stands_between_its_name_and_its_result() {
        let text = "\
A#test_a = 0.00 s = .
A#test_b = printed
B#test_fake = 0.10 s = F
0.02 s = E
A#test_c = glued0.00 s = .
A#test_d = 0.00 s = . = 1.25 s = F
A#test_f = B#test_ghost = 0.00 s = .
printed
0.01 s = E
a cart::with 1 = 1#test_0001_is x = 0.00 s = S
A#test_e = ";
        let (told, running) = read(text);
        assert_eq!(
            told,
            [
                "A#test_a 0",
                "B#test_fake 1?",
                "A#test_b 2",
                "A#test_c 0",
                "A#test_d = 0.00 s = . 1",
                "A#test_f 2",
                "a cart::with 1 = 1#test_0001_is x 3",
            ]
        );
        assert_eq!(running.as_deref(), Some("A#test_e"));
    }

    #[test]
    fn other_lines_are_nothing() {
        let (told, running) = read("1 s = .\n x = 0.1 s = .\nA#b\n#x = 0.00 s = .\n0.00 s = .\n");
        assert_eq!((told, running), (vec![], None));
    }
}
