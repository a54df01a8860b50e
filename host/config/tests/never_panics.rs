//! Whatever bytes come, an answer comes.

#![expect(clippy::unwrap_used, reason = "what tests share may fail the test")]

use std::path::Path;

use flaky_config::{FlagSettings, IgnorePattern, RunSettings, TestCommand, Trust, job, parse};
use proptest::prelude::*;

/// Pieces of real files, so that chance gets past the first character.
fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("runs: "),
        Just("severity_thresholds:"),
        Just("plugins:\n"),
        Just("env: "),
        Just("\n"),
        Just("  "),
        Just("- "),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just("&a "),
        Just("*a"),
        Just("<<: "),
        Just("? "),
        Just(": "),
        Just("\t"),
        Just("---\n"),
        Just("...\n"),
        Just("!!str "),
        Just("!x "),
        Just("'"),
        Just("\""),
        Just("|\n"),
        Just(">-\n"),
        Just("# c\n"),
        Just("\u{feff}"),
        Just("\r\n"),
        Just("1"),
        Just("0.5"),
        Just("~"),
        Just("low: "),
        Just("source: "),
        Just("builtin:x"),
        Just(","),
        Just("%YAML 1.2\n"),
        Just("\\"),
        Just("é"),
        Just("99999999999999999999"),
        Just("-"),
        Just(".nan"),
        Just("random_seed_range: {min: "),
        Just("max"),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn places_lie_in_the_text(text: &str) -> Result<(), TestCaseError> {
    match parse(Path::new("x.yml"), text.as_bytes()) {
        Ok(file) => {
            // Settings that load also resolve, or say why not.
            let _ = RunSettings::resolve(FlagSettings::default(), None, Some(file), Trust::Untrusted);
        }
        Err(error) => {
            let place = error.place().unwrap();
            let _ = (error.to_string(), error.hint());
            let lines = text.split(['\n', '\r']).count() + 1;
            prop_assert!(place.line >= 1 && place.line <= lines, "{error} of {lines} lines");
            prop_assert!(place.column >= 1 && place.column <= text.chars().count() + 2, "{error}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(Path::new("x.yml"), &bytes);
        let _ = job::parse(&bytes);
    }

    #[test]
    fn any_text_is_answered_at_a_place_that_it_has(text in ".{0,200}") {
        places_lie_in_the_text(&text)?;
    }

    #[test]
    fn anything_like_yaml_is_answered_at_a_place_that_it_has(text in yaml_like()) {
        places_lie_in_the_text(&text)?;
    }

    #[test]
    fn any_command_is_split_or_refused(text in "[ 'a\"\\\\#\n]{0,30}") {
        let ours = text.parse::<TestCommand>();
        let theirs = shell_words::split(&text);
        if let Ok(command) = &ours {
            prop_assert_eq!(command.words(), theirs.unwrap_or_default());
        } else if let Err(flaky_config::InvalidTestCommand::UnbalancedQuotes { quote, position }) = ours {
            prop_assert!(theirs.is_err());
            prop_assert_eq!(text.chars().nth(position - 1), Some(quote));
            // It is the one: without it and what follows, nothing stands open.
            let before: String = text.chars().take(position - 1).collect();
            prop_assert!(shell_words::split(&before).is_ok());
        }
    }

    #[test]
    fn any_pattern_is_matched_against_any_name(text in "[a-c*?!\\[\\]^-]{1,12}", name in "[a-c\\[\\]!^-]{0,8}") {
        let pattern = IgnorePattern::try_from(text.clone()).unwrap();
        let longer = IgnorePattern::try_from(format!("{text}*")).unwrap();
        // A `*` at the end can only add matches, unless it falls into a set that was open.
        if pattern.matches(&name) && !text.contains('[') {
            prop_assert!(longer.matches(&name));
        }
    }
}
