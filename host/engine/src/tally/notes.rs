//! What the reader should know about reading and running.

use flaky_core::report::Note;
use flaky_exec::AttemptNote;

use super::Tally;
use crate::recognise::AMBIGUOUS;

impl Tally {
    pub(super) fn note(&mut self, note: &AttemptNote) {
        let (code, text, count) = match *note {
            AttemptNote::FilesLeftBehind(n) => {
                ("files-left-behind", "report files too many or too large to be kept", n)
            }
            AttemptNote::NotCopied(n) => (
                "not-copied",
                "sockets, pipes, devices and unreadable files that are not in the copies of the tree",
                n,
            ),
            AttemptNote::ProcessesLeft(n) => {
                ("processes-left", "processes of another user that could not be ended", n)
            }
            AttemptNote::NotRestored(n) => {
                ("not-restored", "files that could not be put back as they were between attempts", n)
            }
        };
        let entry = self.notes.entry(code).or_insert_with(|| (text.to_owned(), 0));
        entry.1 = entry.1.max(count);
    }

    /// What the reader should know about reading and running.
    pub(crate) fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.unrecognised > 0 {
            let text = if self.parsers.is_empty() {
                "no parser recognised the output: the command is judged as one test, by its exit code"
                    .to_owned()
            } else {
                format!(
                    "no parser recognised the output of {} attempts: in these the exit code decided",
                    self.unrecognised
                )
            };
            notes.push(Note { code: "not-recognised".into(), text });
        }
        if !self.parsers.is_empty() && self.commands.iter().any(|c| c.speaks) {
            let text = format!(
                "the command failed where no test did: `{}` stands in the table as a test of its own",
                self.command
            );
            notes.push(Note { code: "command-failed".into(), text });
        }
        notes.extend(self.ambiguous.iter().map(|(text, n)| Note {
            code: AMBIGUOUS.to_owned(),
            text: format!("{n} attempts: {text}; `--plugin builtin:NAME` names the one that is right"),
        }));
        notes.extend(self.notes.iter().map(|(code, (text, n))| Note {
            code: (*code).to_owned(),
            text: format!("up to {n} per attempt: {text}"),
        }));
        notes
    }
}
