//! Finds the frames of the project's own code in a stack trace, whichever language printed it.

use super::normalise::normalise_up_to;

/// Frames that count. One is often a helper that many tests share; more than three makes fingerprints differ
/// by how the test was called.
const FRAMES: usize = 3;

/// Bytes of a frame that count.
const FRAME_BYTES: usize = 256;

/// `file function` of the project frames nearest to the failure, nearest first. Only the file's name counts,
/// because the folders before it differ between attempts.
pub(super) fn nearest(trace: &str) -> Vec<String> {
    let mut frames: Vec<Frame<'_>> = trace.lines().filter_map(|line| frame(line.trim())).collect();
    if frames.iter().all(|frame| frame.order == Order::NearestLast) {
        frames.reverse();
    }
    // Recursion and retries repeat a frame more or less often.
    let mut nearest: Vec<Frame<'_>> = Vec::with_capacity(FRAMES);
    for frame in frames.into_iter().filter(|frame| !frame.is_library()) {
        let repeats = nearest.last().is_some_and(|last| last.is_same_place(&frame));
        if !repeats && nearest.len() == FRAMES {
            break;
        }
        if !repeats {
            nearest.push(frame);
        }
    }
    nearest.iter().map(Frame::text).collect()
}

/// Which end of a trace is nearest to the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Java, JavaScript, Go, Rust.
    NearestFirst,
    /// Python.
    NearestLast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame<'a> {
    path: &'a str,
    /// Empty where the trace does not tell it on the same line.
    function: &'a str,
    order: Order,
}

impl Frame<'_> {
    fn file_name(&self) -> &str {
        self.path.rsplit(['/', '\\']).next().unwrap_or_default()
    }

    fn is_same_place(&self, other: &Self) -> bool {
        self.function == other.function && self.file_name() == other.file_name()
    }

    fn text(&self) -> String {
        normalise_up_to(&format!("{} {}", self.file_name(), self.function), FRAME_BYTES)
    }

    /// Whether the code is the language's or an installed package's.
    fn is_library(&self) -> bool {
        // `<string>`, `<frozen importlib._bootstrap>`, `node:internal/…`.
        if self.path.starts_with(['<']) || LIBRARY_STARTS.iter().any(|start| self.path.starts_with(start)) {
            return true;
        }
        let (mut before, mut last) = ("", "");
        for part in self.path.split(['/', '\\']) {
            if LIBRARY_FOLDERS.contains(&part) || LIBRARY_PATHS.contains(&[before, last, part]) {
                return true;
            }
            // `lib/python3.11/…`, and `Python311\Lib\…` on Windows.
            if (last.starts_with("lib") && part.starts_with("python3"))
                || (last.starts_with("Python3") && part == "Lib")
            {
                return true;
            }
            (before, last) = (last, part);
        }
        self.order == Order::NearestFirst
            && LIBRARY_PACKAGES.iter().any(|package| self.function.starts_with(package))
    }
}

/// Folders that hold installed code: Python, Node, Rust.
const LIBRARY_FOLDERS: &[&str] = &["site-packages", "dist-packages", "node_modules", "rustc", ".cargo"];

/// The same by three folders: Go, whose projects may stand in `go/src` too.
const LIBRARY_PATHS: &[[&str; 3]] =
    &[["local", "go", "src"], ["go", "src", "runtime"], ["go", "src", "testing"], ["go", "pkg", "mod"]];

/// Starts of paths of installed code.
const LIBRARY_STARTS: &[&str] = &["node:", "internal/"];

/// Packages of the Java platform and its test frameworks.
const LIBRARY_PACKAGES: &[&str] = &[
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "kotlin.",
    "scala.",
    "org.junit.",
    "org.testng.",
    "org.gradle.",
    "org.apache.maven.",
    "org.opentest4j.",
    "org.hamcrest.",
    "org.assertj.",
    "java.base/",
];

fn frame(line: &str) -> Option<Frame<'_>> {
    python(line).or_else(|| at(line)).or_else(|| plain(line))
}

/// `File "PATH", line 12, in FUNCTION`.
fn python(line: &str) -> Option<Frame<'_>> {
    let (path, rest) = line.strip_prefix("File \"")?.split_once('"')?;
    let rest = rest.strip_prefix(", line ")?;
    let function = rest.split_once(", in ").map_or("", |(_, function)| function);
    Some(Frame { path, function, order: Order::NearestLast })
}

/// `at FUNCTION (PATH:12:5)`, `at package.Class.method(File.java:12)`, `at PATH:12:5`.
fn at(line: &str) -> Option<Frame<'_>> {
    let rest = line.strip_prefix("at ")?;
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    let (function, place) = match rest.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) {
        Some((function, place)) => (function.trim_end(), place),
        None => ("", rest),
    };
    let place = place.strip_prefix("file://").unwrap_or(place);
    let path = without_position(place).unwrap_or(place);
    // `at least 3 items` is prose.
    let known = path != place || !function.is_empty();
    known.then_some(Frame { path, function, order: Order::NearestFirst })
}

/// `PATH:12: in FUNCTION`, `PATH:12: Kind` (pytest), `PATH:12 +0x1d` (Go).
fn plain(line: &str) -> Option<Frame<'_>> {
    let (place, rest) = line.split_once(' ').unwrap_or((line, ""));
    // Most lines end here.
    if !place.ends_with(|c: char| c == ':' || c.is_ascii_digit()) {
        return None;
    }
    let (place, is_message) = place.strip_suffix(':').map_or((place, false), |place| (place, true));
    let path = without_position(place)?;
    let (_, extension) = path.rsplit_once('.')?;
    let is_source = (1..=4).contains(&extension.len())
        && extension.starts_with(|c: char| c.is_ascii_alphabetic())
        && extension.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_source {
        return None;
    }
    if rest.starts_with("+0x") {
        return Some(Frame { path, function: "", order: Order::NearestFirst });
    }
    let function = rest.strip_prefix("in ").unwrap_or_default();
    is_message.then_some(Frame { path, function, order: Order::NearestLast })
}

/// A path without `:12` or `:12:5` behind it; nothing when it has neither.
fn without_position(place: &str) -> Option<&str> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (path, _) = place.rsplit_once(':').filter(|(_, last)| number(last))?;
    match path.rsplit_once(':') {
        Some((shorter, last)) if number(last) => Some(shorter),
        _ => Some(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_frames_are_found_in_the_traces_of_many_languages() {
        let table: &[(&str, &[&str])] = &[
            (
                "Traceback (most recent call last):\n  File \"/usr/lib/python3.11/asyncio/runners.py\", line 1, in run\n  \
                 File \"/w/t/test_a.py\", line 3, in test_a\n    helper()\n  File \"/w/lib.py\", line 9, in helper\n    x\n  \
                 File \"<frozen importlib>\", line 1, in _load\n",
                &["lib.py helper", "test_a.py test_a"],
            ),
            (
                "tests/test_a.py:12: in test_a\n    f()\nsrc/a.py:3: in f\nE   ValueError",
                &["a.py f", "test_a.py test_a"],
            ),
            (
                "    def test_a():\n>       assert 1 == 2\nE       assert 1 == 2\n\ntests/test_a.py:4: AssertionError",
                &["test_a.py"],
            ),
            (
                "Error: boom\n    at helper (/w/src/a.js:3:5)\n    at async Object.<anonymous> (file:///w/a.test.ts:9:1)\n    \
                 at run (/w/node_modules/jest/x.js:1:1)\n    at node:internal/process:95:5",
                &["a.js helper", "a.test.ts Object.<anonymous>"],
            ),
            (
                "java.lang.AssertionError: x\n\tat org.junit.Assert.fail(Assert.java:89)\n\tat com.shop.CartTest.adds(CartTest.java:14)\n\t\
                 at java.base/java.lang.Thread.run(Thread.java:840)",
                &["CartTest.java com.shop.CartTest.adds"],
            ),
            (r#"File "C:\Python311\Lib\unittest\case.py", line 1, in run"#, &[]),
            (
                "panic: boom\n\ngoroutine 7 [running]:\nshop.add(...)\n\t/w/shop/cart.go:12 +0x1d\ntesting.tRunner()\n\t/usr/local/go/src/testing/testing.go:1 +0x2",
                &["cart.go"],
            ),
            (
                "   3: shop::add\n             at ./src/cart.rs:12:5\n   4: core::ops\n             at /rustc/1/library/x.rs:1:1",
                &["cart.rs"],
            ),
            ("recursion\na.py:1: in f\na.py:1: in f\na.py:1: in f\nb.py:2: in g", &["b.py g", "a.py f"]),
            (
                "at least 3 items\n12:34: nothing\nlocalhost:80: refused\n1.2.3.4:80: refused\nno frames here",
                &[],
            ),
            ("a.py:1: in a\nb.py:1: in b\nc.py:1: in c\nd.py:1: in d", &["d.py d", "c.py c", "b.py b"]),
            ("", &[]),
        ];
        for (trace, want) in table {
            assert_eq!(nearest(trace), *want, "{trace}");
        }
    }
}
