//! What the reporter writes for sample reports, beside what it should. `UPDATE_EXPECTED=1` writes what it does.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests: what they cannot have ends the test"
)]

use std::fs;
use std::path::{Path, PathBuf};

use flaky_plugin_markdown::comment::comment;
use flaky_plugin_markdown::render;
use flaky_plugin_platforms::testing::corpus;
use flaky_plugin_platforms::testing::rendered::Rendered;
use flaky_plugin_sdk::report::Report;

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

fn report(name: &str) -> Report {
    reports().into_iter().find(|(found, _)| found == name).unwrap().1
}

#[test]
fn every_sample_reads_as_expected() {
    for (name, report) in reports() {
        let rendered = render(&report);
        let path = plugins().join(format!("markdown/tests/expected/{name}.md"));
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &rendered).unwrap();
        }
        assert_eq!(rendered, fs::read_to_string(&path).unwrap(), "{}", path.display());
    }
}

/// The text outside fenced blocks, code spans and `<code>` elements: all that a site reads markup in.
fn outside_code(markdown: &str) -> String {
    let mut out = String::new();
    let mut fence: Option<String> = None;
    for line in markdown.lines() {
        let ticks: String = line.chars().take_while(|&c| c == '`').collect();
        match &fence {
            Some(open) if ticks.len() >= open.len() && line.trim_end() == ticks => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 && !line[ticks.len()..].contains('`') => fence = Some(ticks),
            None => {
                out.push_str(&without_spans(line));
                out.push('\n');
            }
        }
    }
    assert_eq!(fence, None, "a fenced block is open at the end");
    out
}

fn without_spans(line: &str) -> String {
    let mut rest = line.to_owned();
    while let Some(start) = rest.find("<code>") {
        let end = rest[start..].find("</code>").expect("closed on its line") + start;
        let code = rest[start + 6..end].replace("<wbr>", "");
        assert!(!code.contains(['<', '>']), "markup in code: {line}");
        rest.replace_range(start..end + 7, "");
    }
    let mut out = String::new();
    let mut chars = rest.as_str();
    while let Some(at) = chars.find(['`', '\\']) {
        out.push_str(&chars[..at]);
        let from = &chars[at..];
        if let Some(escaped) = from.strip_prefix('\\') {
            chars = escaped.get(escaped.chars().next().map_or(0, char::len_utf8)..).unwrap_or("");
            continue;
        }
        let fence = from.len() - from.trim_start_matches('`').len();
        let mut search = fence;
        let end = loop {
            let next = from[search..]
                .find('`')
                .map(|next| next + search)
                .expect("code spans are closed on their line");
            let run = from[next..].len() - from[next..].trim_start_matches('`').len();
            if run == fence {
                break next + run;
            }
            search = next + run;
        };
        chars = &from[end..];
    }
    out + chars
}

#[test]
fn nothing_from_a_test_is_read_as_markup() {
    let text = render(&report("hostile"));
    let outside = outside_code(&text);
    for bad in [
        "<script",
        "</script",
        "@everyone",
        "@team",
        "[click]",
        "](http",
        "![",
        "<!--",
        "https://",
        "**b**",
        "~~s~~",
        "$x$",
        "#1",
        "\u{202e}",
        "\u{1b}",
        "| a |",
    ] {
        assert!(!outside.contains(bad), "`{bad}` in:\n{outside}");
    }
    assert_eq!(outside.matches("<details>").count(), outside.matches("</details>").count());
    assert_eq!(outside.matches("<table>").count(), 1);
    let headings: Vec<&str> = outside.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(headings.len(), 1, "{headings:?}");
}

#[test]
fn a_table_is_one_block_of_html() {
    for (name, report) in reports() {
        let text = render(&report);
        if let Some((_, after)) = text.split_once("<table>") {
            let table = after.split_once("</table>").unwrap().0;
            assert!(!table.contains("\n\n"), "{name}: an empty line would end the block");
        }
    }
}

#[test]
fn a_large_report_fits_in_a_comment() {
    let mut report = report("hostile");
    let trace = "````\n".repeat(10_000);
    for group in &mut report.tests[0].failure_groups {
        group.trace.clone_from(&trace);
        group.message = "x".repeat(100_000);
    }
    let test = report.tests[0].clone();
    report.tests = (0..1000)
        .map(|n| flaky_plugin_sdk::report::Test { id: format!("{n}{}", "long ".repeat(800)), ..test.clone() })
        .collect();
    report.reason = "<".repeat(100_000);
    report.hint = Some("&".repeat(100_000));
    let text = render(&report);
    assert!(text.chars().count() <= 65_536, "{} characters", text.chars().count());
    outside_code(&text);
}

mod arbitrary {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn words() -> impl Strategy<Value = String> {
        let pieces = vec![
            "`",
            "``",
            "```",
            "\n",
            "<",
            ">",
            "&",
            "\\",
            "|",
            "@x",
            "#1",
            "](",
            "[",
            "</code>",
            "</details>",
            "<table>",
            "a",
            " ",
            "\u{202e}",
            "\u{1b}[1m",
            "https://x",
            "~~~",
            "    ",
            "/",
            ":a",
            ":",
            "$",
            "!",
            "~",
            "1",
            "- ",
            "deadbeef",
            "www.",
            "GH-1",
            "^",
            "{",
            "\t",
        ];
        prop_oneof![
            any::<String>(),
            proptest::collection::vec(proptest::sample::select(pieces), 0..12)
                .prop_map(|parts| parts.concat())
        ]
    }

    proptest! {
        #[test]
        fn no_text_acts_in_a_comment(text in words()) {
            let comment = comment(&corpus::report(&text), &corpus::surroundings(&text));
            let found = Rendered::of(&comment, "https://forge.example/");
            prop_assert!(found.problems.is_empty(), "{:?} in:\n{}", found.problems, comment);
            prop_assert_eq!(found.rows, [4, 4, 4]);
        }

        #[test]
        fn no_text_leaves_its_place(texts in proptest::collection::vec(words(), 12), count in any::<u32>()) {
            let document = json!({"verdict": texts[0], "severity": texts[1], "cause": texts[2], "reason": texts[3], "hint": texts[4], "total_runs": count, "failures": 1,
                "isolation": {"used": texts[5], "why": texts[6]}, "subject": {"source": texts[7], "command": [texts[8]], "commit": texts[9]}, "execution": {"reproduce": texts[10]},
                "tests": [{"id": texts[0], "ran": count, "failures": 1, "verdict": "flaky", "failure_groups": [{"count": 1, "kind": texts[1], "message": texts[2], "trace": texts[3], "seeds": [1]}]},
                    {"id": texts[4], "ignored": true}],
                "attempts": [{"set_aside": texts[11], "output_tail": texts[9]}], "notes": [{"text": texts[5]}], "plugins": [{"name": texts[6], "errors": [[texts[7], 1]]}]});
            let report = Report::from_json(document.to_string().as_bytes()).unwrap();
            let outside = outside_code(&render(&report));
            for bad in ["@x", "#1", "](", "https://", "\u{202e}", "\u{1b}", "</code>"] {
                prop_assert!(!outside.contains(bad), "`{}` in:\n{}", bad, outside);
            }
            prop_assert_eq!(outside.matches("<table>").count(), 1);
            prop_assert_eq!(outside.matches("</details>").count(), 1);
        }
    }
}
