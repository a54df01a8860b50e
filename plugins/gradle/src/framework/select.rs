//! Commands for some of the tests.

use flaky_plugin_sdk::{Command, PluginError, Result, Selection};

/// The command for these tests alone. Gradle has no option that leaves tests out.
pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let refused = |why: &str| Err(PluginError::new("cannot-select", why));
    let Some(arguments) = super::arguments(&command.argv) else {
        return refused("gradle is not called directly, so its arguments are unknown");
    };
    let Selection::Only(ids) = selection else {
        return refused("gradle has no option that leaves tests out");
    };
    let given = command.argv.split_off(arguments);
    let (mut kept, mut task) = (Vec::new(), None);
    let mut words = given.into_iter();
    while let Some(word) = words.next() {
        // The author's own patterns would add tests.
        if word == "--tests" {
            words.next();
            continue;
        }
        if word.starts_with("--tests=") {
            continue;
        }
        if !word.starts_with('-') && super::is_test_task(word.rsplit(':').next().unwrap_or(&word)) {
            task = Some(kept.len() + 1);
        }
        kept.push(word);
    }
    let Some(task) = task else {
        return refused("the command names no task that runs tests alone");
    };
    let Some(patterns) = ids.iter().map(|id| patterns(id)).collect::<Option<Vec<_>>>() else {
        return refused("a test that was named is of no class that Gradle could be told");
    };
    let mut patterns = patterns.concat();
    patterns.sort();
    patterns.dedup();
    kept.splice(task..task, patterns.into_iter().flat_map(|pattern| ["--tests".to_owned(), pattern]));
    command.argv.append(&mut kept);
    Ok(command)
}

/// `shop.CartTest.adds` of `shop.CartTest::adds()`; of `CartTest > adds()`, which names no package, `*CartTest.adds`.
/// Gradle selects methods: what names none takes its class. In patterns `*` stands for anything, and there is no way to
/// quote it: a class with one cannot be named. What JUnit 4 runs with several arguments is one method to Gradle for each,
/// by its name in full (`adds[1]`); JUnit 5 knows the method alone. One pattern that fits is enough.
fn patterns(id: &str) -> Option<Vec<String>> {
    let (class, name, start) = match id.split_once("::") {
        Some((class, name)) => (class, name, ""),
        None => {
            let (class, name) = id.split_once(" > ").unwrap_or((id, ""));
            (class, name, if class.contains('.') { "" } else { "*" })
        }
    };
    let end = name.find(['(', '[', '{', ' ']).unwrap_or(name.len());
    let method = name.get(..end).unwrap_or_default();
    let is_identifier =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_$.".contains(c));
    if class.is_empty() || class.contains('*') {
        return None;
    }
    let follows = name.get(end..end + 1);
    if !is_identifier(method) || !matches!(follows, None | Some("(" | "[" | "{")) {
        return Some(vec![format!("{start}{class}")]);
    }
    let pattern = format!("{start}{class}.{method}");
    let each = (follows == Some("[")).then(|| format!("{pattern}[*"));
    Some([Some(pattern), each].into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_named_behind_their_task() {
        let ids: Vec<String> = [
            "a.T::x()",
            "a.T::y(int)[2]",
            "a.T::z[--info]",
            "b.U::has a name",
            "CartTest > adds()",
            "a.T::x()",
        ]
        .map(str::to_owned)
        .to_vec();
        let command = Command::new("./gradlew -q :core:test --tests Old --info".split(' '));
        let argv = select(command, &Selection::Only(ids)).unwrap().argv;
        let expected = "./gradlew -q :core:test --tests *CartTest.adds --tests a.T.x --tests a.T.y --tests a.T.z --tests a.T.z[* --tests b.U --info";
        assert_eq!(argv.join(" "), expected);
    }

    #[test]
    fn what_gradle_cannot_do_is_refused() {
        let ids = vec!["a.T::x".to_owned()];
        for (command, selection) in [
            ("gradle test", Selection::Without(ids.clone())),
            ("gradle check", Selection::Only(ids.clone())),
            ("make test", Selection::Only(ids)),
            ("gradle test", Selection::Only(vec!["*::x".to_owned()])),
            ("gradle test", Selection::Only(vec![String::new()])),
        ] {
            assert_eq!(
                select(Command::new(command.split(' ')), &selection).unwrap_err().code,
                "cannot-select"
            );
        }
    }
}
