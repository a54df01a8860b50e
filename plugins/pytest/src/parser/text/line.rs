//! Single lines of pytest's output.

use super::Plain;

/// A line as it would be seen: without control sequences, and of what was overwritten only the last state.
pub(super) fn plain(line: &str) -> Plain<'_> {
    let line = match memchr::memchr(b'\r', line.as_bytes()) {
        Some(_) => line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default(),
        None => line,
    };
    if memchr::memchr(0x1b, line.as_bytes()).is_none() {
        return Plain::Borrowed(line);
    }
    let mut seen = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            seen.push(c);
        } else if chars.next_if_eq(&'[').is_some() {
            // ECMA-48: parameters and intermediates, then one final character.
            while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
            chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
    }
    Plain::Owned(seen)
}

/// `title` of `==== title ====`.
pub(super) fn section_title(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('=')?.strip_suffix('=')?.trim_matches('=');
    let title = inner.strip_prefix(' ')?.strip_suffix(' ')?;
    (!title.is_empty()).then_some(title)
}

/// The letters of a line that shows progress by them: `..F.s` of `tests/a.py ..F.s  [ 50%]`.
pub(super) fn dots(line: &str) -> Option<&str> {
    let (dots, percent) = line.trim_end().rsplit_once('[')?;
    let letters = dots.trim_end().rsplit(' ').next().unwrap_or_default();
    let is_progress = percent.ends_with("%]")
        && !letters.is_empty()
        && letters.bytes().all(|byte| b".FEsxXRu,-".contains(&byte));
    is_progress.then_some(letters)
}

/// The test of `worker 'gw0' crashed while running 'id'`.
pub(super) fn crashed_test(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("worker '")?;
    let (_, id) = rest.split_once("' crashed while running '")?;
    id.strip_suffix('\'')
}

/// What stands at the end of a progress line: `[ 50%]`, `[ 5/10]`, `12ms` and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// None of these.
    Bare,
    /// Per cent of the collected tests.
    Percent(u32),
    /// Anything else in brackets of that kind.
    Other,
}

/// Takes the tail off a line.
pub(super) fn split_tail(line: &str) -> (&str, Tail) {
    let line = line.trim_end();
    let Some((before, inside)) = line.strip_suffix(']').and_then(|line| line.rsplit_once('[')) else {
        return without_duration(line).map_or((line, Tail::Bare), |before| (before, Tail::Other));
    };
    if !(before.is_empty() || before.ends_with(' ')) {
        return (line, Tail::Bare);
    }
    let trimmed = inside.trim_start();
    let tail = match (trimmed.strip_suffix('%'), trimmed.split_once('/')) {
        (Some(number), _) => number.parse().ok().filter(|percent| *percent <= 100).map(Tail::Percent),
        (None, Some((done, all))) => {
            let number = |text: &str| text.parse::<u32>().is_ok();
            (number(done) && number(all)).then_some(Tail::Other)
        }
        (None, None) => None,
    };
    // What is in brackets may belong to a test's name.
    tail.map_or((line, Tail::Bare), |tail| (before.trim_end(), tail))
}

/// What stands before a duration as `console_output_style = times` puts it at the end: `247.9us`, `1m 12s`, `2h 3m`.
fn without_duration(line: &str) -> Option<&str> {
    // Two spaces at least: what stands there is aligned to the right.
    let (before, duration) = line.rsplit_once("  ")?;
    let is_part = |part: &str| {
        let number = part.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let unit = part.get(number.len()..).unwrap_or_default();
        matches!(unit, "us" | "ms" | "s" | "m" | "h" | "d")
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let mut parts = duration.split(' ');
    (parts.clone().count() <= 2 && parts.all(is_part)).then(|| before.trim_end())
}

/// Whether a text can be a test's id: a file with an ending, `::`, a name.
pub(super) fn is_id(text: &str) -> bool {
    is_spaced_id(text) && split_id(text).is_some_and(|(file, _)| !file.contains(char::is_whitespace))
}

/// The same, of a file whose name may have spaces.
pub(super) fn is_spaced_id(text: &str) -> bool {
    let Some((file, name)) = split_id(text) else { return false };
    let base = memchr::memrchr(b'/', file.as_bytes()).and_then(|at| file.get(at + 1..)).unwrap_or(file);
    !name.is_empty()
        && memchr::memchr(b'.', base.as_bytes()).is_some()
        && !file.starts_with(['[', '(', '\'', '"', ' '])
}

/// File and name of an id. Asked several times of every line: a search for one byte is much cheaper than for two.
pub(super) fn split_id(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let at = memchr::memchr_iter(b':', bytes).find(|at| bytes.get(at + 1) == Some(&b':'))?;
    Some((text.get(..at)?, text.get(at + 2..)?))
}

/// The id at the beginning of a line, up to the first space outside of brackets.
pub(super) fn leading_id(line: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let end = line.bytes().enumerate().find_map(|(at, byte)| {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b' ' if depth == 0 => return Some(at),
            _ => {}
        }
        None
    });
    // Brackets that are never closed leave what stands behind the name to it.
    line.get(..end.unwrap_or(line.len())).map(str::trim_end).filter(|id| is_id(id))
}

/// Whether a line is an id, or the beginning of one, with nothing behind it; a worker's line begins with a result.
pub(super) fn ends_in_id(line: &str) -> bool {
    if line.starts_with("[gw") {
        return line.contains("::") && !line.ends_with(' ');
    }
    let mut depth = 0_usize;
    let ended = line.chars().any(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ' ' && depth == 0
    });
    line.contains("::") && !ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_of_a_line_counts() {
        let cases = [
            ("plain", "plain"),
            ("\u{1b}[32mgreen\u{1b}[0m", "green"),
            ("collecting ... \rcollected 3 items", "collected 3 items"),
            ("cut \u{1b}[3", "cut "),
            ("x\r", "x"),
        ];
        for (line, seen) in cases {
            assert_eq!(plain(line), seen);
        }
    }

    #[test]
    fn a_tail_is_pytests_and_brackets_of_names_are_not() {
        let cases = [
            ("a.py::t PASSED   [  4%]", "a.py::t PASSED", Tail::Percent(4)),
            ("a.py::t PASSED [12/30]", "a.py::t PASSED", Tail::Other),
            ("a.py::t PASSED", "a.py::t PASSED", Tail::Bare),
            ("a.py::t PASSED            247.9us", "a.py::t PASSED", Tail::Other),
            ("a.py::t PASSED            1m 12s", "a.py::t PASSED", Tail::Other),
            ("a.py::t PASSED (in 12s)", "a.py::t PASSED (in 12s)", Tail::Bare),
            ("a.py::t[ 50%]", "a.py::t[ 50%]", Tail::Bare),
            ("a.py::t [x]", "a.py::t [x]", Tail::Bare),
            ("a.py::t [999%]", "a.py::t [999%]", Tail::Bare),
        ];
        for (line, before, tail) in cases {
            assert_eq!(split_tail(line), (before, tail), "{line}");
        }
    }

    #[test]
    fn an_id_at_the_beginning_ends_at_a_space_outside_of_brackets() {
        let cases = [
            ("a/b.py::t printed", Some("a/b.py::t")),
            ("a.py::t[a b] x", Some("a.py::t[a b]")),
            ("a.py::t[[ 50%]]", Some("a.py::t[[ 50%]]")),
            ("std::vec is here", None),
            ("no id", None),
            ("['a.py::t']", None),
        ];
        for (line, id) in cases {
            assert_eq!(leading_id(line), id, "{line}");
        }
    }
}
