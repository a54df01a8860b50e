//! Single lines of what `go test` prints.

use flaky_plugin_sdk::Outcome;

/// A line that is Go's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Line<'l> {
    Run(&'l str),
    Pause(&'l str),
    /// What follows is this test's: `=== CONT`, `=== NAME`.
    Name(&'l str),
    /// What Go 1.25 says of a test beside its result: `=== ATTR  TestA key value`, `=== ARTIFACTS TestA folder`.
    Attribute,
    Result(Result<'l>),
    Package(Package<'l>),
}

/// `--- PASS: TestName (0.00s)`
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Result<'l> {
    pub(super) name: &'l str,
    pub(super) outcome: Outcome,
    pub(super) nanoseconds: Option<u64>,
    /// Spaces before it: subtests stand below their parents.
    pub(super) indent: usize,
}

/// The line that ends a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Package<'l> {
    pub(super) path: &'l str,
    pub(super) end: PackageEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PackageEnd {
    Ok,
    /// It ran, and there was nothing in it.
    Empty,
    Failed,
    /// `[build failed]`, `[setup failed]`
    NotBuilt,
    /// `[no test files]`
    NoTestFiles,
}

/// Whether a line is so much Go's own that nothing else prints it by chance.
pub(super) fn is_mark(line: &str) -> bool {
    match read(line) {
        Some(Line::Run(name)) => is_test_name(name),
        Some(Line::Package(package)) => package.end != PackageEnd::NotBuilt,
        _ => false,
    }
}

/// Reads a line of Go's own that stands at the line's beginning.
pub(super) fn read(line: &str) -> Option<Line<'_>> {
    // Go 1.20 marks its own lines for `test2json` by this character.
    let line = line.strip_prefix('\u{16}').unwrap_or(line);
    match line.as_bytes().first()? {
        b'=' => frame(line),
        b'-' | b' ' => result(line).map(Line::Result),
        b'o' | b'F' | b'?' => package(line).map(Line::Package),
        _ => None,
    }
}

fn frame(line: &str) -> Option<Line<'_>> {
    let rest = line.strip_prefix("=== ")?;
    let attribute = rest.strip_prefix("ATTR  ").or_else(|| rest.strip_prefix("ARTIFACTS "));
    if let Some((name, value)) = attribute.and_then(|rest| rest.split_once(' ')) {
        return (is_test_name(name) && !value.is_empty()).then_some(Line::Attribute);
    }
    let (word, name) = rest.split_at_checked(6)?;
    if name.is_empty() || name.contains(' ') {
        return None;
    }
    match word {
        "RUN   " => Some(Line::Run(name)),
        "PAUSE " => Some(Line::Pause(name)),
        "CONT  " | "NAME  " => Some(Line::Name(name)),
        _ => None,
    }
}

fn result(line: &str) -> Option<Result<'_>> {
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    let (word, rest) = text.strip_prefix("--- ")?.split_at_checked(6)?;
    let outcome = match word {
        "PASS: " => Outcome::Passed,
        "FAIL: " => Outcome::Failed,
        "SKIP: " => Outcome::Skipped,
        _ => return None,
    };
    let (name, took) = rest.rsplit_once(" (")?;
    let nanoseconds = seconds(took.strip_suffix("s)")?)?;
    (!name.is_empty() && !name.contains(' ')).then_some(Result {
        name,
        outcome,
        nanoseconds: Some(nanoseconds),
        indent,
    })
}

/// A result behind what a test printed without ending its line.
pub(super) fn glued_result(line: &str) -> Option<Result<'_>> {
    if !line.ends_with("s)") {
        return None;
    }
    let at = line.rfind("--- ")?;
    // A name may hold the same characters only behind a `/`, and has no spaces.
    result(line.get(at..)?).filter(|_| at > 0)
}

/// The name of a test whose `=== RUN` stands behind printed text.
pub(super) fn glued_run(line: &str) -> Option<&str> {
    let at = line.rfind("=== RUN   ").filter(|at| *at > 0)?;
    match frame(line.get(at..)?)? {
        Line::Run(name) => Some(name),
        _ => None,
    }
}

fn package(line: &str) -> Option<Package<'_>> {
    let made = |path, end| is_path(path).then_some(Package { path, end });
    if let Some(rest) = line.strip_prefix("ok  \t") {
        let (path, rest) = rest.split_once('\t')?;
        let took = rest.split(['\t', ' ']).next()?;
        if took != "(cached)" && seconds(took.strip_suffix('s')?).is_none() {
            return None;
        }
        return made(
            path,
            if rest.contains("[no tests to run]") { PackageEnd::Empty } else { PackageEnd::Ok },
        );
    }
    if let Some(rest) = line.strip_prefix("FAIL\t") {
        if let Some((path, why)) = rest.split_once(" [") {
            return why.ends_with(" failed]").then(|| made(path, PackageEnd::NotBuilt))?;
        }
        let (path, took) = rest.split_once('\t')?;
        seconds(took.strip_suffix('s')?)?;
        return made(path, PackageEnd::Failed);
    }
    let (path, rest) = line.strip_prefix("?   \t")?.split_once('\t')?;
    (rest == "[no test files]").then(|| made(path, PackageEnd::NoTestFiles))?
}

fn is_path(path: &str) -> bool {
    !path.is_empty() && !path.contains([' ', '\t'])
}

/// `TestX`, `ExampleX`, `FuzzX`: all that `go test` runs but for benchmarks.
pub(super) fn is_test_name(name: &str) -> bool {
    let root = name.split('/').next().unwrap_or(name);
    let rest = ["Test", "Example", "Fuzz"].iter().find_map(|prefix| root.strip_prefix(prefix));
    rest.is_some_and(|rest| {
        !rest.starts_with(|c: char| c.is_lowercase()) && rest.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}

/// `0.02` as nanoseconds.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A duration of Go has at most nine digits behind the point, and fits into 64 bits.
    if !digits(whole) || !(part.is_empty() || digits(part)) || whole.len() > 10 || part.len() > 9 {
        return None;
    }
    let missing = u32::try_from(9 - part.len()).ok()?;
    let part =
        part.bytes().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0')) * 10_u64.pow(missing);
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_go_are_told_from_text() {
        let path = |path, end| Some(Line::Package(Package { path, end }));
        let cases = [
            ("=== RUN   TestA/b#01", Some(Line::Run("TestA/b#01"))),
            ("=== PAUSE TestA", Some(Line::Pause("TestA"))),
            ("=== CONT  TestA", Some(Line::Name("TestA"))),
            ("=== NAME  TestA", Some(Line::Name("TestA"))),
            ("=== ATTR  TestA/b issue 17", Some(Line::Attribute)),
            ("=== ARTIFACTS TestA /tmp/artifacts", Some(Line::Attribute)),
            ("=== RUN   some words", None),
            ("=== RUN", None),
            ("ok  \tm/a\t0.123s", path("m/a", PackageEnd::Ok)),
            ("ok  \tm/a\t(cached)\tcoverage: 1.0% of statements", path("m/a", PackageEnd::Ok)),
            ("ok  \tm/a\t0.002s [no tests to run]", path("m/a", PackageEnd::Empty)),
            ("ok  \tm/a\tfine", None),
            ("ok 1 - tap", None),
            ("FAIL\tm/a\t1.5s", path("m/a", PackageEnd::Failed)),
            ("FAIL\tm/a [build failed]", path("m/a", PackageEnd::NotBuilt)),
            ("FAIL\tm/a [setup failed]", path("m/a", PackageEnd::NotBuilt)),
            ("FAIL", None),
            ("FAIL src/a.test.ts", None),
            ("?   \tm/a\t[no test files]", path("m/a", PackageEnd::NoTestFiles)),
            ("--- FAIL: Test with spaces (0.00s)", None),
            ("--- FAIL: TestA", None),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), expected, "{line}");
        }
        let glued = glued_result("100%--- SKIP: TestA/---_FAIL:_x_(0.00s) (1.25s)");
        let glued = glued.map(|r| (r.name, r.outcome, r.nanoseconds));
        assert_eq!(glued, Some(("TestA/---_FAIL:_x_(0.00s)", Outcome::Skipped, Some(1_250_000_000))));
        assert_eq!(glued_run("…=== RUN   TestA/x"), Some("TestA/x"));
    }

    #[test]
    fn durations_have_limits() {
        for (text, expected) in [
            ("0.00", Some(0)),
            ("3", Some(3_000_000_000)),
            ("1.x", None),
            ("", None),
            ("9999999999999", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn names_are_what_go_test_would_run() {
        for (name, expected) in [
            ("TestA", true),
            ("Test", true),
            ("Test_a/any thing", true),
            ("Testify", false),
            ("Example", true),
            ("FuzzX/seed#0", true),
            ("BenchmarkX", false),
            ("Other", false),
        ] {
            assert_eq!(is_test_name(name), expected, "{name}");
        }
    }
}
