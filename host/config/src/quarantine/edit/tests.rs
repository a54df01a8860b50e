use flaky_core::ids::TestId;

use super::*;
use crate::quarantine::{Line, QuarantineEvidence};

fn line(text: &str) -> Line {
    Line::try_from(text.to_owned()).unwrap()
}

fn entry(test: &str) -> QuarantineEntry {
    QuarantineEntry {
        test: TestId::new(test),
        suite: None,
        owner: line("@team/shop"),
        reason: line("waits for a socket"),
        since: "2026-11-29".parse().unwrap(),
        evidence: Some(QuarantineEvidence { failed: 12, ran: 300, runs: 4, commits: 3 }),
        expires: "2026-12-29".parse().unwrap(),
        release_below: None,
    }
}

const ADDED: &str = "\
- test: tests/test_cart.py::test_sums
  owner: \"@team/shop\"
  reason: waits for a socket
  since: 2026-11-29
  evidence: {failed: 12, ran: 300, runs: 4, commits: 3}
  expires: 2026-12-29
";

const OTHERS: &str = "\
# ours
- test: a   # the first
  owner: x
  # until the new server is there
  reason: >-
    it waits
    for the server

  since: 2026-11-01
  expires: 2027-01-01

# The second has no evidence.
- {test: b, owner: y, reason: slow, since: 2026-11-01, expires: 2027-01-01}
# end
";

#[test]
fn an_entry_is_put_behind_the_others_and_every_other_line_stays_as_it_is() {
    let indented = |text: &str| text.lines().map(|line| format!("   {line}\n")).collect::<String>();
    for (text, expected) in [
        (String::new(), format!("{HEAD}{ADDED}")),
        ("# none\n".to_owned(), format!("# none\n{ADDED}")),
        ("---\n# none".to_owned(), format!("---\n# none\n{ADDED}")),
        (OTHERS.to_owned(), format!("{OTHERS}{ADDED}")),
        (indented(OTHERS), format!("{}{}", indented(OTHERS), indented(ADDED))),
        (OTHERS.trim_end().to_owned(), format!("{OTHERS}{ADDED}")),
        (OTHERS.replace('\n', "\r\n"), format!("{OTHERS}{ADDED}").replace('\n', "\r\n")),
    ] {
        let got = add(&text, &entry("tests/test_cart.py::test_sums"));
        assert_eq!(got.as_deref(), Ok(expected.as_str()), "{text}");
    }
}

#[test]
fn an_entry_is_taken_out_with_what_belongs_to_it() {
    let without_first = "\
# ours

# The second has no evidence.
- {test: b, owner: y, reason: slow, since: 2026-11-01, expires: 2027-01-01}
# end
";
    assert_eq!(remove(OTHERS, 0).as_deref(), Ok(without_first));
    assert_eq!(remove(without_first, 0).as_deref(), Ok("# ours\n\n# The second has no evidence.\n# end\n"));
    assert_eq!(remove(OTHERS, 2), Err(NotUnderstood));
    let added = add(OTHERS, &entry("c")).unwrap();
    assert_eq!(remove(&added, 2).as_deref(), Ok(OTHERS), "what was added and taken out leaves nothing");
}

#[test]
fn what_is_written_in_another_way_or_already_there_is_left_alone() {
    for text in [
        "[]\n",
        "[{test: a, owner: x, reason: r, since: 2026-11-01, expires: 2027-01-01}]\n",
        "- &a {test: a, owner: x, reason: r, since: 2026-11-01, expires: 2027-01-01}\n...\n",
        "- test: c\n  owner: x\n  reason: r\n  since: 2026-11-01\n  expires: 2027-01-01\n",
        "tests: []\n",
        "- test: a\n",
        "\t- test: a\n",
    ] {
        assert_eq!(add(text, &entry("c")), Err(NotUnderstood), "{text}");
    }
    // The second entry lives from the first.
    let shared = "- &a\n  test: a\n  owner: &who x\n  reason: r\n  since: 2026-11-01\n  expires: 2027-01-01\n- <<: *a\n  test: b\n";
    assert_eq!(understood(shared).unwrap().entries.len(), 2);
    assert_eq!(remove(shared, 0), Err(NotUnderstood));
    assert!(remove(shared, 1).is_ok());
}

#[test]
fn whatever_a_test_is_called_comes_back_as_it_was() {
    for test in [
        "a",
        "1",
        "1.5",
        "true",
        "No",
        "null",
        "~",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "\"a\"",
        "'a'",
        "{a}",
        "[a]",
        "*a",
        "&a",
        "!a",
        "a\\b",
        "%a",
        "@a",
        "`a`",
        "|",
        ">",
        "?",
        "? a",
        ":",
        "::",
        "a:",
        " a",
        "a ",
        "ä",
        "2026-11-29",
        "x[1-🦀]",
        "a, b",
        "---",
        "...",
        "<<",
        "0x10",
        "1_000",
        ".inf",
        "ClassName > does it: yes",
        "tests/test_a.py::test_x[a::b]",
    ] {
        let text = add("", &entry(test)).unwrap();
        let read = understood(&text).unwrap();
        assert_eq!(read.entries, [entry(test)], "{text}");
    }
    let full = QuarantineEntry {
        suite: Some(line("web: front")),
        release_below: Some(0.02.try_into().unwrap()),
        evidence: None,
        owner: line("a, b: c # d"),
        ..entry("x")
    };
    assert_eq!(understood(&add(OTHERS, &full).unwrap()).unwrap().entries[2], full);
}
