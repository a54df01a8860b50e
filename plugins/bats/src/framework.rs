//! How bats' tests are found, reported on and selected from. bats runs tests in the order of their files and knows no
//! shuffling, so there is no seed to give.

use std::collections::BTreeMap;

use flaky_plugin_sdk::{
    AttemptContext, Command, Detection, Instrumented, PluginError, Project, Result, Selection,
};
use flaky_plugin_text::{Found, regex};

/// Files that are bats' own.
pub(crate) const PROJECT_FILES: &str = "**/*.bats";

/// Folder of our own report, in the report folder.
pub(crate) const FOLDER: &str = "flaky-bats";

/// Our own report: bats 1.5 and newer write `report.tap`.
pub(crate) const REPORTS: &str = "flaky-bats/*.tap";

/// Options whose value is the next argument.
const VALUED: &[&str] = &[
    "-f",
    "--filter",
    "-F",
    "--formatter",
    "-j",
    "--jobs",
    "-o",
    "--output",
    "--report-formatter",
    "--filter-tags",
    "--filter-status",
    "--code-quote-style",
    "--gather-test-outputs-in",
    "--parallel-binary-name",
    "--line-reference-format",
];

pub(crate) fn find(argv: &[String]) -> Option<Found> {
    flaky_plugin_text::find(argv, &|words| match words {
        ["bats", ..] => Some(1),
        ["npx", "bats", ..] => Some(2),
        ["npx", option, "bats", ..] if option.starts_with('-') => Some(3),
        _ => None,
    })
}

pub(crate) fn detect(project: &Project<'_>) -> Vec<Detection> {
    // Tests of bats itself, and of libraries that stand in the tree.
    let is_foreign = |file: &str| {
        file.split('/').any(|f| {
            matches!(
                f,
                "node_modules" | "bats-core" | "bats-support" | "bats-assert" | "bats-file" | "fixtures"
            )
        })
    };
    let mut folders: BTreeMap<String, usize> = BTreeMap::new();
    for file in project.files().iter().filter(|file| file.ends_with(".bats") && !is_foreign(file)) {
        let folder = file.rsplit_once('/').map_or(".", |(folder, _)| folder);
        *folders.entry(folder.to_owned()).or_default() += 1;
    }
    let count: usize = folders.values().sum();
    if count == 0 {
        return Vec::new();
    }
    // bats takes the files of a folder, and not those below it.
    let argv = std::iter::once("bats".to_owned()).chain(folders.into_keys());
    vec![Detection {
        name: "bats".to_owned(),
        root: String::new(),
        // Scripts often have such tests beside those of the project's own language.
        confidence: 60,
        reason: if count == 1 {
            "there is a file of bats".to_owned()
        } else {
            format!("there are {count} files of bats")
        },
        default_command: Command::new(argv),
    }]
}

/// Adds a report in TAP beside what the user sees, unless the user has one. Without a terminal bats prints TAP anyway; so
/// only who asked for another formatter needs it.
pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    if let Some(Found::Direct { arguments, .. }) = find(&command.argv) {
        let own = command.argv.get(arguments..).unwrap_or_default();
        let has = |names: &[&str]| {
            own.iter()
                .any(|word| names.iter().any(|name| word == name || word.starts_with(&format!("{name}="))))
        };
        let formatted = has(&["-F", "--formatter", "-p", "--pretty"]);
        if formatted && !has(&["--report-formatter", "-o", "--output"]) {
            // bats wants the folder to be there.
            let folder = format!("{}/{FOLDER}", context.report_dir);
            let options =
                ["--report-formatter".to_owned(), "tap".to_owned(), "--output".to_owned(), folder.clone()];
            command.argv.splice(arguments..arguments, options);
            let mut argv: Vec<String> =
                ["sh", "-c", "mkdir -p \"$0\" && exec \"$@\""].map(str::to_owned).to_vec();
            argv.push(folder);
            argv.append(&mut command.argv);
            command.argv = argv;
        }
    }
    Instrumented { command, support_files: Vec::new() }
}

/// The command for these tests alone, by a pattern over names; bats has none that leaves tests out.
pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let Some(Found::Direct { arguments, .. }) = find(&command.argv) else {
        return Err(PluginError::new(
            "cannot-select",
            "bats is not called directly, so its arguments are unknown",
        )
        .hint("name the command as `bats …`"));
    };
    let Selection::Only(ids) = selection else {
        return Err(PluginError::new(
            "cannot-select",
            "bats can choose tests by name, and not leave them out",
        ));
    };
    let names: Vec<String> = ids.iter().map(|id| regex(id)).collect();
    let given = command.argv.split_off(arguments);
    command.argv.extend(["--filter".to_owned(), format!("^({})$", names.join("|"))]);
    let mut words = given.into_iter();
    while let Some(word) = words.next() {
        if word == "-f" || word == "--filter" {
            words.next();
            continue;
        }
        let valued = VALUED.contains(&word.as_str());
        command.argv.push(word);
        if valued {
            command.argv.extend(words.next());
        }
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    fn context() -> AttemptContext {
        AttemptContext {
            index: 0,
            seed: 1,
            report_dir: "/report".to_owned(),
            support_dir: "/support".to_owned(),
            shuffle: false,
            workers: None,
        }
    }

    #[test]
    fn folders_with_tests_are_found() {
        let files = ["test/a.bats", "test/b.bats", "tools/x/c.bats", "test/bats-assert/d.bats", "a.sh"];
        let files = files.iter().fold(Files::default(), |all, path| all.file(path, ""));
        let found = detect(&files.project());
        assert_eq!(found[0].default_command.argv, ["bats", "test", "tools/x"]);
        assert_eq!(found[0].reason, "there are 3 files of bats");
        assert!(detect(&Files::default().file("a.sh", "").project()).is_empty());
    }

    #[test]
    fn a_report_is_added_only_where_the_output_is_not_tap() {
        let argv =
            |command: &str| instrument(Command::new(command.split(' ')), &context()).command.argv.join(" ");
        assert_eq!(argv("bats test"), "bats test");
        assert_eq!(argv("bats -F junit -o out test"), "bats -F junit -o out test");
        assert_eq!(
            argv("bats --pretty test"),
            "sh -c mkdir -p \"$0\" && exec \"$@\" /report/flaky-bats bats --report-formatter tap --output /report/flaky-bats --pretty test"
        );
    }

    #[test]
    fn tests_are_chosen_by_exact_names() {
        let only = Selection::Only(vec!["adds (a|b)".to_owned(), "two".to_owned()]);
        let command = select(Command::new(["bats", "-f", "old", "-j", "2", "test"]), &only).unwrap();
        assert_eq!(command.argv, ["bats", "--filter", r"^(adds \(a\|b\)|two)$", "-j", "2", "test"]);
        let without = Selection::Without(vec!["two".to_owned()]);
        assert_eq!(select(Command::new(["bats"]), &without).unwrap_err().code, "cannot-select");
    }
}
