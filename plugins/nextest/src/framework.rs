//! How nextest's projects are found, built, reported on and selected from.

use flaky_plugin_cargo_test::{cargo_installed, cargo_projects};
use flaky_plugin_sdk::{
    AttemptContext, Command, Detection, EnvChange, InstallPlan, Instrumented, PluginError, Project, Result,
    Selection, SupportFile,
};
use flaky_plugin_text::Found;

use crate::parser::FOLDER;

/// Files of the project that detection and installation look at.
pub(crate) const PROJECT_FILES: &[&str] = &[
    "**/Cargo.toml",
    "**/Cargo.lock",
    "**/rust-toolchain",
    "**/rust-toolchain.toml",
    "**/.cargo/config.toml",
    "**/.config/nextest.toml",
];

/// Options of `cargo nextest run` whose value is the next argument.
const VALUED: &[&str] = &[
    "-p",
    "--package",
    "--exclude",
    "--bin",
    "--test",
    "--bench",
    "--example",
    "-F",
    "--features",
    "-j",
    "--test-threads",
    "--build-jobs",
    "--cargo-profile",
    "--target",
    "--target-dir",
    "--manifest-path",
    "--color",
    "--config",
    "--config-file",
    "--tool-config-file",
    "-Z",
    "-P",
    "--profile",
    "-E",
    "--filterset",
    "--filter-expr",
    "--run-ignored",
    "--partition",
    "--retries",
    "--max-fail",
    "--failure-output",
    "--success-output",
    "--status-level",
    "--final-status-level",
    "--message-format",
    "--message-format-version",
    "--no-tests",
    "--archive-file",
    "--cargo-metadata",
    "--binaries-metadata",
    "--workspace-remap",
    "--target-dir-remap",
    "--show-progress",
];

/// Crates that have settings of nextest.
pub(crate) fn detect(project: &Project<'_>) -> Result<Vec<Detection>> {
    let files = project.files();
    let found = cargo_projects(project)?.into_iter().filter_map(|(root, is_workspace)| {
        let settings = if root.is_empty() {
            ".config/nextest.toml".to_owned()
        } else {
            format!("{root}/.config/nextest.toml")
        };
        files.contains(&settings).then(|| {
            let argv = ["cargo", "nextest", "run"].into_iter().chain(is_workspace.then_some("--workspace"));
            Detection {
                name: "nextest".to_owned(),
                confidence: 92,
                reason: format!("`{settings}` has settings of nextest"),
                default_command: Command::new(argv).cwd(&root),
                root,
            }
        })
    });
    Ok(found.collect())
}

/// Where `cargo nextest run` is in a command.
pub(crate) fn find(argv: &[String]) -> Option<Found> {
    flaky_plugin_text::find(argv, &|words| {
        let is_nextest = words.first() == Some(&"cargo-nextest");
        let at = if is_nextest || words.first() == Some(&"cargo") {
            words.iter().take_while(|word| **word != "--").position(|word| *word == "nextest")?
        } else {
            return None;
        };
        // Between `cargo` and `nextest` stand options alone.
        let own = words.get(1..at)?.iter().all(|word| word.starts_with(['-', '+']) || word.contains('='));
        let rest = words.get(at + 1..)?;
        let run = rest.iter().position(|word| !word.starts_with('-'))?;
        (own && matches!(rest.get(run), Some(&("run" | "r")))).then_some(at + run + 2)
    })
}

pub(crate) fn install(project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
    cargo_installed(project, root, env_dir, &["cargo", "nextest", "run", "--no-run"])
}

/// Adds a report by settings of a tool, which are weaker than the project's own: where the project has a report at another
/// place, or stops at the first failure, that stays.
pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    let Some(Found::Direct { arguments, .. }) = find(&command.argv) else {
        return Instrumented { command, support_files: Vec::new() };
    };
    let path = format!("{}/{FOLDER}/nextest.xml", context.report_dir);
    let settings = format!(
        "[profile.default]\nfail-fast = false\n\n[profile.default.junit]\npath = {}\n",
        serde_json::Value::String(path)
    );
    command.argv.insert(arguments, format!("--tool-config-file=flaky:{}/nextest.toml", context.support_dir));
    // Weaker than `--test-threads`.
    let set = command.env.iter().any(|(name, _)| name == "NEXTEST_TEST_THREADS");
    if let Some(workers) = context.workers.filter(|_| !set) {
        command = command.env("NEXTEST_TEST_THREADS", EnvChange::Set(workers.to_string()));
    }
    let support = SupportFile { path: "nextest.toml".to_owned(), content: settings.into_bytes() };
    Instrumented { command, support_files: vec![support] }
}

/// Chooses tests by an expression over exact names. An id does not tell where the binary ends and nextest refuses
/// expressions that name a binary which is not there, so tests of one name in several binaries are chosen together.
pub(crate) fn select(mut command: Command, selection: &Selection) -> Result<Command> {
    let Some(Found::Direct { arguments, .. }) = find(&command.argv) else {
        return Err(PluginError::new(
            "cannot-select",
            "nextest is not called directly, so its arguments are unknown",
        )
        .hint("name the command as `cargo nextest run …`"));
    };
    let given = command.argv.split_off(arguments);
    let end = given.iter().position(|word| word == "--").unwrap_or(given.len());
    let (own, behind) = given.split_at(end);
    let mut expressions = Vec::new();
    let mut names = Vec::new();
    let mut words = own.iter();
    while let Some(word) = words.next() {
        if matches!(word.as_str(), "-E" | "--filterset" | "--filter-expr") {
            expressions.extend(words.next().cloned());
        } else if let Some(value) =
            word.strip_prefix("--filterset=").or_else(|| word.strip_prefix("--filter-expr="))
        {
            expressions.push(value.to_owned());
        } else if !word.starts_with('-') {
            names.push(word.clone());
        } else {
            command.argv.push(word.clone());
            if VALUED.contains(&word.as_str()) {
                command.argv.extend(words.next().cloned());
            }
        }
    }
    let (ids, only) = match selection {
        Selection::Only(ids) => (ids, true),
        Selection::Without(ids) => (ids, false),
    };
    let chosen = ids.iter().flat_map(|id| matchers(id)).collect::<Vec<_>>().join(" | ");
    if only {
        command.argv.extend(["-E".to_owned(), chosen]);
        return Ok(command);
    }
    if expressions.is_empty() {
        expressions.push("all()".to_owned());
    }
    for expression in expressions {
        command.argv.extend(["-E".to_owned(), format!("({expression}) - ({chosen})")]);
    }
    command.argv.extend(names);
    command.argv.extend(behind.iter().cloned());
    Ok(command)
}

/// Every way to read the test's path out of an id.
fn matchers(id: &str) -> Vec<String> {
    let Some((_, rest)) = id.split_once("::") else { return vec![exact(id)] };
    match rest.split_once("::") {
        Some((binary, test)) if binary.contains('/') => vec![exact(test)],
        Some((_, test)) => vec![exact(rest), exact(test)],
        None => vec![exact(rest)],
    }
}

fn exact(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 10);
    for c in name.chars() {
        if matches!(c, '\\' | ')' | ',') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    format!("test(={quoted})")
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    fn argv(command: &str) -> Vec<String> {
        command.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn nextest_is_found_in_commands_and_projects() {
        let direct = |arguments| Some(Found::Direct { at: 0, arguments });
        for (command, expected) in [
            ("cargo nextest run --all", direct(3)),
            ("cargo +nightly --offline nextest r", direct(5)),
            ("cargo-nextest nextest run", direct(3)),
            ("cargo nextest list", None),
            ("cargo test nextest run", None),
            ("cargo test -- nextest run", None),
        ] {
            assert_eq!(find(&argv(command)), expected, "{command}");
        }
        let files = Files::default().file("Cargo.toml", "[workspace]").file(".config/nextest.toml", "");
        let found = detect(&files.project()).unwrap();
        assert_eq!(found[0].default_command.argv, ["cargo", "nextest", "run", "--workspace"]);
        assert!(detect(&Files::default().file("Cargo.toml", "[package]").project()).unwrap().is_empty());
    }

    #[test]
    fn the_report_is_weaker_than_the_projects_settings() {
        let context = AttemptContext {
            index: 0,
            seed: 7,
            report_dir: "/report".to_owned(),
            support_dir: "/support".to_owned(),
            shuffle: true,
            workers: Some(2),
        };
        let instrumented = instrument(Command::new(["cargo", "nextest", "run", "x"]), &context);
        assert_eq!(instrumented.command.argv[3], "--tool-config-file=flaky:/support/nextest.toml");
        assert_eq!(
            instrumented.command.env,
            [("NEXTEST_TEST_THREADS".to_owned(), EnvChange::Set("2".to_owned()))]
        );
        let settings = String::from_utf8(instrumented.support_files[0].content.clone()).unwrap();
        assert!(settings.contains("path = \"/report/flaky-nextest/nextest.xml\""), "{settings}");
    }

    #[test]
    fn tests_are_chosen_by_expressions() {
        let ids = vec!["shop::tests::a(b)".to_owned(), "shop::bin/x::main".to_owned()];
        let chosen = r"test(=tests::a(b\)) | test(=a(b\)) | test(=main)";
        let only =
            select(Command::new(argv("cargo nextest run -E old -p x part")), &Selection::Only(ids.clone()));
        assert_eq!(only.unwrap().argv, ["cargo", "nextest", "run", "-p", "x", "-E", chosen]);
        let without = select(Command::new(argv("cargo nextest run -E old part")), &Selection::Without(ids));
        let joined = format!("(old) - ({chosen})");
        assert_eq!(without.unwrap().argv, ["cargo", "nextest", "run", "-E", joined.as_str(), "part"]);
    }
}
