//! How unittest names a test, and the words by which it says what became of one.

use flaky_plugin_sdk::Outcome;

/// `test_x (package.module.Class)`, from Python 3.11 on `test_x (package.module.Class.test_x)`, and what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Description<'l> {
    name: &'l str,
    place: &'l str,
    /// ` [message] (i=1)` of a subtest, ` ... ok`, or nothing.
    pub(super) rest: &'l str,
}

/// What a description stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// By its dotted name, as unittest takes it.
    Test(String),
    /// `setUpClass` and the like, and what it belongs to.
    Hook(String),
    /// A module that could not be imported, or a name that there is nothing of.
    NotLoaded(String),
}

const HOOKS: [&str; 4] = ["setUpClass", "tearDownClass", "setUpModule", "tearDownModule"];

/// The longest description that is looked for: names are short, and lines of a megabyte are not searched for one.
const LONGEST: usize = 1024;

impl<'l> Description<'l> {
    /// At the beginning of a line.
    pub(super) fn read(line: &'l str) -> Option<Self> {
        let front = line.get(..line.floor_char_boundary(LONGEST)).unwrap_or(line);
        let open = front.find(" (")?;
        let name = line.get(..open)?;
        let inside = line.get(open + 2..)?;
        let close = front.get(open + 2..)?.find(')')?;
        let place = inside.get(..close)?;
        let rest = inside.get(close + 1..)?;
        (is_dotted(name) && is_dotted(place) && (rest.is_empty() || rest.starts_with(' '))).then_some(Self {
            name,
            place,
            rest,
        })
    }

    pub(super) fn subject(self) -> Subject {
        if HOOKS.contains(&self.name) {
            return Subject::Hook(format!("{} of {}", self.name, self.place));
        }
        if let Some(loader) = self.place.strip_prefix("unittest.loader.")
            && loader.split('.').next().is_some_and(|class| {
                matches!(class, "_FailedTest" | "ModuleImportFailure" | "LoadTestsFailure")
            })
        {
            return Subject::NotLoaded(self.name.to_owned());
        }
        Subject::Test(if self.repeats_name() {
            self.place.to_owned()
        } else {
            format!("{}.{}", self.place, self.name)
        })
    }

    /// As from Python 3.11 on: nobody else writes it so.
    pub(super) fn repeats_name(self) -> bool {
        self.place.strip_suffix(self.name).is_some_and(|before| before.ends_with('.'))
    }

    /// Whether a module and a class are named at least.
    pub(super) fn is_test_like(self) -> bool {
        self.place.contains('.') && !HOOKS.contains(&self.name)
    }
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// `a.b.C`, and `a.f.<locals>.C` of classes made in functions.
fn is_dotted(text: &str) -> bool {
    text.split('.').all(|part| is_identifier(part) || part == "<locals>" || part == "__main__")
}

/// A status, and whether it stands where unittest puts it, rather than behind what a test printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) outcome: Outcome,
    pub(super) is_alone: bool,
}

const WORDS: [(&str, Outcome); 5] = [
    ("ok", Outcome::Passed),
    ("FAIL", Outcome::Failed),
    ("ERROR", Outcome::Errored),
    ("expected failure", Outcome::ExpectedFailure),
    ("unexpected success", Outcome::UnexpectedPass),
];

/// The status at the end of a line, or of what follows a description.
pub(super) fn status(text: &str) -> Option<Said> {
    let text = text.trim_end();
    for (word, outcome) in WORDS {
        if let Some(before) = text.strip_suffix(word) {
            // `unexpected failure` is nobody's word, `expected failure` is in no other.
            return Some(Said { outcome, is_alone: before.is_empty() || before.ends_with(" ... ") });
        }
    }
    let quote = text.chars().next_back().filter(|quote| matches!(quote, '\'' | '"'))?;
    let begin = if quote == '"' { "skipped \"" } else { "skipped '" };
    let at = text.find(begin)?;
    let is_quoted = text.len() > at + begin.len();
    let before = text.get(..at)?;
    is_quoted.then_some(Said {
        outcome: Outcome::Skipped,
        is_alone: before.is_empty() || before.ends_with(" ... "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_of_all_versions_give_the_same_name() {
        let test = |id: &str| Some(Subject::Test(id.to_owned()));
        let cases = [
            ("test_x (pkg.mod.Case) ... ok", test("pkg.mod.Case.test_x")),
            ("test_x (pkg.mod.Case.test_x) ... ok", test("pkg.mod.Case.test_x")),
            ("test_ü (m.f.<locals>.Case.test_ü)", test("m.f.<locals>.Case.test_ü")),
            ("test_x (m.C.test_x) [part] (i=1) ... FAIL", test("m.C.test_x")),
            ("setUpClass (m.C) ... ERROR", Some(Subject::Hook("setUpClass of m.C".to_owned()))),
            ("a (unittest.loader._FailedTest) ... ERROR", Some(Subject::NotLoaded("a".to_owned()))),
            ("a (unittest.loader._FailedTest.a) ... ERROR", Some(Subject::NotLoaded("a".to_owned()))),
            ("a.b (unittest.loader._FailedTest.a.b) ... ERROR", Some(Subject::NotLoaded("a.b".to_owned()))),
            ("1 (of 2) ... ok", None),
            ("t/a.t (x) .. ok", None),
            ("test_x (see below) ... ok", None),
            ("test_x (m.C", None),
        ];
        for (line, subject) in cases {
            assert_eq!(Description::read(line).map(Description::subject), subject, "{line}");
        }
    }

    #[test]
    fn a_status_stands_at_the_end() {
        let cases = [
            (" ... ok", Some((Outcome::Passed, true))),
            ("ok", Some((Outcome::Passed, true))),
            (" ... printedok", Some((Outcome::Passed, false))),
            (" ... skipped \"not 'yet' ... ok\"", Some((Outcome::Skipped, true))),
            (" ... skipped 'no network'", Some((Outcome::Skipped, true))),
            (" ... skipped ''", Some((Outcome::Skipped, true))),
            (" ... skipped '", None),
            (" ... unexpected success", Some((Outcome::UnexpectedPass, true))),
            (" ... expected failure", Some((Outcome::ExpectedFailure, true))),
            (" ... ", None),
            ("it's", None),
        ];
        for (text, said) in cases {
            assert_eq!(status(text).map(|said| (said.outcome, said.is_alone)), said, "{text}");
        }
    }
}
