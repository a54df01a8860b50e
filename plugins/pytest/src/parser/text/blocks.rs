//! The sections FAILURES and ERRORS: a block for each failure.

/// Of longer blocks the rest is left out; nobody reads more.
const LONGEST_TRACE: usize = 64 * 1024;
/// Of all blocks together, so that a thousand long ones do not fill the memory.
const ALL_TRACES: usize = 16 * 1024 * 1024;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// `Class.test[parameters]`, after `ERROR at setup of ` where the set-up failed.
    pub(super) title: String,
    pub(super) message: String,
    pub(super) trace: String,
}

/// Python's own form of a trace (`--tb=native`): the message stands after the frames, without a mark.
#[derive(Debug, Default)]
enum Native {
    #[default]
    No,
    Frames,
    Message(Vec<String>),
}

impl Native {
    fn take(&mut self, line: &str) {
        match self {
            _ if line == "Traceback (most recent call last):" => *self = Self::Frames,
            Self::Frames if !line.starts_with(' ') => *self = Self::Message(vec![line.to_owned()]),
            Self::Message(lines) => lines.push(line.to_owned()),
            Self::No | Self::Frames => {}
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: Vec<Block>,
    /// What the test had printed follows; none of it is about the failure.
    captured: bool,
    /// The lines marked `E` that stand together.
    marked: Vec<String>,
    native: Native,
    last: String,
    traces: usize,
    /// Lines before any block, which is all that `--tb=line` prints.
    loose: Vec<String>,
}

impl Blocks {
    pub(super) fn take(&mut self, line: &str) {
        if let Some(title) = title(line) {
            self.close();
            self.blocks.push(Block { title: title.to_owned(), ..Block::default() });
            self.captured = false;
            return;
        }
        let Some(block) = self.blocks.last_mut() else {
            if self.traces < ALL_TRACES {
                self.traces += line.len() + 1;
                self.loose.push(line.to_owned());
            }
            return;
        };
        self.captured |= line.starts_with("----") && line.contains(" Captured ");
        if self.captured {
            return;
        }
        if block.trace.len() < LONGEST_TRACE && self.traces < ALL_TRACES {
            let line = line.get(..LONGEST_TRACE).unwrap_or(line);
            block.trace.push_str(line);
            block.trace.push('\n');
            self.traces += line.len() + 1;
        }
        self.native.take(line);
        match line.strip_prefix('E').filter(|rest| rest.is_empty() || rest.starts_with("  ")) {
            Some(rest) => {
                // Of a chain of exceptions the last is the one that came through.
                if !self.last.starts_with('E') {
                    self.marked.clear();
                }
                self.marked.push(rest.to_owned());
                self.last = "E".to_owned();
            }
            None if !line.trim().is_empty() => {
                self.last = line.trim().to_owned();
            }
            None => self.last = self.last.trim_start_matches('E').to_owned(),
        }
    }

    fn close(&mut self) {
        let marked = std::mem::take(&mut self.marked);
        let last = std::mem::take(&mut self.last);
        let native = std::mem::take(&mut self.native);
        let Some(block) = self.blocks.last_mut() else { return };
        if marked.is_empty() {
            block.message = match (native, doctest_failure(&block.trace)) {
                (Native::Message(lines), _) => without_place(&lines).join("\n"),
                (_, Some(failure)) => failure,
                _ => last,
            };
            return;
        }
        let indent = marked.first().map_or(0, |line| line.len() - line.trim_start().len());
        let lines: Vec<&str> = marked
            .iter()
            .map(|line| {
                let spaces = line.len() - line.trim_start().len();
                line.get(indent.min(spaces)..).unwrap_or_default()
            })
            .collect();
        block.message = lines.join("\n");
    }

    pub(super) fn titles(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().map(|block| block.title.as_str())
    }

    /// What `path:line: message` of lines without a block says.
    pub(super) fn loose_messages(&self) -> Vec<&str> {
        let message = |line: &'_ String| line.find(": ").map(|at| at + 2);
        self.loose.iter().filter_map(|line| line.get(message(line)?..)).collect()
    }

    pub(super) fn take_all(&mut self) -> Vec<Block> {
        self.close();
        std::mem::take(&mut self.blocks)
    }
}

/// `title` of `____ title ____`; lines of single underscores stand between the frames of a trace.
pub(super) fn title(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('_')?.strip_suffix('_')?.trim_matches('_');
    let title = inner.strip_prefix(' ')?.strip_suffix(' ')?;
    title.contains(|c| c != '_' && c != ' ').then_some(title)
}

/// What a failed doctest expected and got, which stands without a mark before its place.
fn doctest_failure(trace: &str) -> Option<String> {
    let trace = trace.trim_end().strip_suffix(": DocTestFailure")?;
    let begins =
        |line: &str| line == "Expected:" || line == "Expected nothing" || line.starts_with("Differences (");
    let said = trace.lines().skip_while(|line| !begins(line));
    let said: Vec<&str> = said.collect();
    // The last line is the place.
    let said = said.split_last().map(|(_, said)| said.join("\n"))?;
    Some(format!("DocTestFailure: {}", said.trim_end()))
}

/// The message of an exception in a doctest, whose place follows it.
fn without_place(lines: &[String]) -> &[String] {
    let lines = match lines.iter().rposition(|line| !line.is_empty()) {
        Some(last) => lines.get(..=last).unwrap_or(lines),
        None => lines,
    };
    match lines.split_last() {
        Some((last, said)) if last.ends_with(": UnexpectedException") => said,
        _ => lines,
    }
}

/// The title without the phase that failed, and without what pytest says of doctests.
pub(super) fn without_phase(title: &str) -> &str {
    ["ERROR at setup of ", "ERROR at teardown of ", "[doctest] "]
        .iter()
        .find_map(|phase| title.strip_prefix(phase))
        .unwrap_or(title)
}

/// The title of a test's block: it lacks the file, and has dots for the `::` between names.
pub(super) fn title_of(id: &str) -> String {
    let name = id.split_once("::").map_or(id, |(_, name)| name);
    let (names, parameters) = name.split_at(name.find('[').unwrap_or(name.len()));
    format!("{}{parameters}", names.replace("::", "."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_told_from_rules_between_frames() {
        assert_eq!(title("________ TestClass.test_x[a b] ________"), Some("TestClass.test_x[a b]"));
        assert_eq!(title("_ _ _ _ _ _ _ _ _"), None);
        assert_eq!(title("_______"), None);
    }

    #[test]
    fn a_title_is_the_id_without_the_file() {
        assert_eq!(title_of("tests/a.py::TestClass::test_x[a]"), "TestClass.test_x[a]");
        assert_eq!(title_of("a.py::test_names[::]"), "test_names[::]");
    }

    #[test]
    fn the_last_marked_lines_are_the_message_and_printed_ones_are_not() {
        let mut blocks = Blocks::default();
        let text = "____ t ____\n>  x()\nE   KeyError: 'a'\n\nDuring handling:\nE     ValueError: b\nE       more\n\na.py:3: ValueError\n---- Captured stdout call ----\nE   printed";
        text.lines().for_each(|line| blocks.take(line));
        assert_eq!(blocks.take_all().first().unwrap().message, "ValueError: b\n  more");
    }
}
