//! Commands for some of the tests.

use flaky_plugin_sdk::{Command, PluginError, Result, Selection};

use super::invocation::Invocation;

/// PCRE compiles a pattern into at most 64 KiB, two bytes and more per character.
const LONGEST_PATTERN: usize = 24 * 1024;

/// The command for these tests alone, or for all others. A filter with delimiters is taken as it is, and matched
/// against `Class::method with data set "name"`.
pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let Some(Invocation::Direct { arguments }) = Invocation::find(&command.argv) else {
        return Err(PluginError::new(
            "cannot-select",
            "PHPUnit is not called directly, so its arguments are unknown",
        )
        .hint("name the command as `vendor/bin/phpunit …`"));
    };
    let given = command.argv.split_off(arguments);
    let (others, filtered) = without_filter(given);
    let any = |ids: &[String]| ids.iter().map(|id| alternatives(id)).collect::<Vec<_>>().join("|");
    let filter = match selection {
        Selection::Only(ids) => format!("/^(?:{})$/", any(ids)),
        Selection::Without(_) if filtered => {
            return Err(PluginError::new(
                "cannot-select",
                "the command has a filter already, and PHPUnit takes one",
            ));
        }
        Selection::Without(ids) => format!("/^(?!(?:{})$)/", any(ids)),
    };
    if filter.len() > LONGEST_PATTERN {
        return Err(PluginError::new("cannot-select", "the names are too long for a filter of PHPUnit"));
    }
    command.argv.extend(["--filter".to_owned(), filter]);
    command.argv.extend(others);
    Ok(command)
}

/// The arguments without `--filter`, and whether there was one.
fn without_filter(arguments: Vec<String>) -> (Vec<String>, bool) {
    let mut kept = Vec::new();
    let mut filtered = false;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--filter" {
            arguments.next();
            filtered = true;
        } else if argument.starts_with("--filter=") {
            filtered = true;
        } else {
            kept.push(argument);
        }
    }
    (kept, filtered)
}

/// `A::t #2` may be a repetition of `A::t`.
fn alternatives(id: &str) -> String {
    let numbered = id.rsplit_once(" #").filter(|(name, number)| {
        !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && !name.ends_with(" with data set")
    });
    match numbered {
        Some((name, _)) => format!("{}|{}", escaped(id), escaped(name)),
        None => escaped(id),
    }
}

/// As PCRE needs it, between `/`.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '_' | ' ' | '"') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(argv: &str, selection: &Selection) -> Result<Vec<String>> {
        select(Command::new(argv.split(' ')), selection).map(|command| command.argv)
    }

    #[test]
    fn chosen_tests_are_one_filter_and_options_stay() {
        let only = Selection::Only(vec![
            r"Shop\CartTest::testAdds".to_owned(),
            r#"A::t with data set "a/b (c)""#.to_owned(),
            "A::t with data set #1".to_owned(),
            "B::u #2".to_owned(),
        ]);
        assert_eq!(
            selected("php vendor/bin/phpunit --filter old --testdox tests", &only).unwrap(),
            [
                "php",
                "vendor/bin/phpunit",
                "--filter",
                r#"/^(?:Shop\\CartTest\:\:testAdds|A\:\:t with data set "a\/b \(c\)"|A\:\:t with data set \#1|B\:\:u \#2|B\:\:u)$/"#,
                "--testdox",
                "tests"
            ]
        );
    }

    #[test]
    fn tests_are_left_out_by_name() {
        let without = Selection::Without(vec!["A::t".to_owned()]);
        assert_eq!(
            selected("phpunit tests", &without).unwrap(),
            ["phpunit", "--filter", r"/^(?!(?:A\:\:t)$)/", "tests"]
        );
        for command in ["phpunit --filter=x", "phpunit --filter x", "composer test"] {
            assert_eq!(selected(command, &without).unwrap_err().code, "cannot-select", "{command}");
        }
    }
}
