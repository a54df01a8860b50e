//! What the reporter writes for sample reports, beside what it should. `UPDATE_EXPECTED=1` writes what it does.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what they cannot have ends the test")]

use std::fs;
use std::path::{Path, PathBuf};

use flaky_plugin_sdk::report::Report;
use flaky_plugin_terminal::render;
use unicode_width::UnicodeWidthStr;

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn reports() -> Vec<(String, Report)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(plugins().join("sdk/tests/reports"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 8, "sample reports are missing");
    let read = |path: &PathBuf| Report::from_json(&fs::read(path).unwrap()).unwrap();
    paths.iter().map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), read(path))).collect()
}

#[test]
fn every_sample_reads_as_expected_at_every_width() {
    for (name, report) in reports() {
        for (width, colour) in [(Some(60), false), (Some(80), false), (None, false), (Some(120), true)] {
            let rendered = render(&report, width, colour).replace('\u{1b}', "␛");
            let end = width.map_or("none".to_owned(), |width| width.to_string());
            let path = plugins().join(format!("terminal/tests/expected/{name}.{end}.txt"));
            if std::env::var_os("UPDATE_EXPECTED").is_some() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &rendered).unwrap();
            }
            assert_eq!(rendered, fs::read_to_string(&path).unwrap(), "{}", path.display());
        }
    }
}

#[test]
fn no_line_but_a_command_is_wider_than_the_terminal() {
    for (name, report) in reports() {
        for width in [40, 60, 80, 100, 120, 160] {
            let text = render(&report, Some(width), false);
            let lines: Vec<&str> = text.lines().collect();
            let command = lines.iter().position(|line| *line == "repeat a failing attempt:").map(|at| at + 1);
            assert_eq!(command.is_some(), report.execution.reproduce.is_some(), "{name}");
            for (_, line) in lines.iter().enumerate().filter(|(at, _)| Some(*at) != command) {
                assert!(
                    line.width() <= width as usize,
                    "{name} at {width}: {} columns: `{line}`",
                    line.width()
                );
            }
        }
    }
}

#[test]
fn nothing_from_a_test_acts_on_the_terminal() {
    let (_, report) = reports().into_iter().find(|(name, _)| name == "hostile").unwrap();
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
            || c == '\u{200b}'
    };
    let plain = render(&report, Some(80), false);
    assert!(!plain.contains(acts), "{plain}");
    assert!(plain.contains(r"\u{1b}"), "the character is shown instead");
    let coloured = render(&report, Some(80), true);
    for sequence in coloured.split('\u{1b}').skip(1) {
        let end = sequence.find('m').unwrap();
        assert!(
            sequence.starts_with('[') && sequence[1..end].bytes().all(|b| b.is_ascii_digit() || b == b';'),
            "{sequence}"
        );
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    for (name, report) in reports() {
        let coloured = render(&report, Some(100), true);
        let stripped = flaky_plugin_sdk::report::without_colours(&coloured);
        let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trimmed(&stripped), trimmed(&render(&report, Some(100), false)), "{name}");
    }
}

#[test]
fn a_test_that_never_failed_is_said_to_fail_at_most_so_often() {
    let text = |name: &str| render(&reports().into_iter().find(|(n, _)| n == name).unwrap().1, None, false);
    assert!(text("mixed").contains("at most 2.95 %"));
    assert!(text("too-few").contains("at most 25.9 %"));
    assert!(text("stable").contains("at most 19.3 %"));
}

mod arbitrary {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn words() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{0,40}",
            any::<String>(),
            Just(String::new()),
            "(stable|flaky|broken|inconclusive|[a-z/:]{0,200})"
        ]
    }

    fn number() -> impl Strategy<Value = u32> {
        prop_oneof![0_u32..20, any::<u32>()]
    }

    fn rate() -> impl Strategy<Value = f64> {
        prop_oneof![0.0..=1.0, any::<f64>()]
    }

    fn maybe(strategy: impl Strategy<Value = String>) -> impl Strategy<Value = Option<String>> {
        proptest::option::of(strategy)
    }

    prop_compose! {
        fn test()(id in words(), ran in number(), failures in number(), rate in rate(), low in rate(), high in rate(), verdict in words(), severity in maybe(words()), reason in words(),
            ignored in any::<bool>(), missing in number(), retried in number(), groups in proptest::collection::vec((words(), words(), words(), number()), 0..3), alone in proptest::option::of((number(), number())), beside in proptest::option::of((number(), number()))) -> Value {
            json!({"id": id, "ran": ran, "failures": failures, "rate": rate, "interval": {"low": low.clamp(-1e9, 1e9), "high": high.clamp(-1e9, 1e9), "level": 0.95}, "verdict": verdict, "severity": severity, "confidence": 1.0,
                "reason": reason, "decided_by": "x", "ignored": ignored, "counts": {"missing": missing, "retried": retried},
                "failing_seeds": [u64::MAX, 0], "failure_groups": groups.iter().map(|(k, m, t, n)| json!({"kind": k, "message": m, "trace": t, "count": n})).collect::<Vec<_>>(),
                "alone": alone.map(|(ran, failed)| json!({"ran": ran, "failed": failed})), "side_by_side": beside.map(|(ran, failed)| json!({"ran": ran, "failed": failed}))})
        }
    }

    prop_compose! {
        fn report()(tests in proptest::collection::vec(test(), 0..8), texts in proptest::collection::vec(words(), 12), numbers in proptest::collection::vec(number(), 6), some in any::<u16>(), wall in rate()) -> Value {
            let text = |at: usize| if some & (1 << at) == 0 { Value::Null } else { json!(texts[at]) };
            json!({"report_version": 1, "total_runs": numbers[0], "failures": numbers[1], "verdict": text(0), "cause": text(1), "severity": text(2), "reason": text(3), "hint": text(4),
                "isolation": {"asked": text(5), "used": text(6), "why": text(7)}, "subject": {"source": text(8), "commit": text(9), "command": [texts[10], texts[11]], "parser": text(10)},
                "execution": {"planned": numbers[2], "parallelism": numbers[3], "alone": numbers[4], "wall_seconds": wall, "cpu_seconds": wall, "peak_memory": u64::MAX, "reproduce": text(11), "interrupted": some & 1 == 0,
                    "seeds": if some & 2 == 0 { json!({"first": u64::MAX}) } else { json!({"drawn": {"master": 1, "min": 0, "max": u64::MAX}}) }},
                "tests": tests, "attempts": [{"attempt": numbers[5], "seed": 1, "exit": {"signal": 9}, "set_aside": text(0), "output_tail": text(1), "missing": [texts[2]]}],
                "notes": [{"code": "c", "text": texts[3]}], "plugins": [{"name": texts[4], "errors": [[texts[5], numbers[0]]]}], "unknown": {"a": [1]}})
        }
    }

    proptest! {
        #[test]
        fn every_report_can_be_shown(document in report(), width in proptest::option::of(any::<u32>()), colour in any::<bool>()) {
            let report = Report::from_json(document.to_string().as_bytes()).unwrap();
            let text = render(&report, width, colour);
            let escape = '\u{1b}';
            let acts = text.contains(|c: char| c.is_control() && c != '\n' && c != escape);
            prop_assert!(!acts, "{}", text);
            prop_assert!(colour || !text.contains(escape), "{}", text);
        }
    }
}
