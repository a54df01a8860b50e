//! Dependencies and compiled tests of a project's own.

use flaky_plugin_sdk::{Command, EnvChange, InstallPlan, InstallStep, Project, Result};

/// Lock files of large projects have some hundred kilobytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Fetches what the project depends on, and compiles the tests once into a target folder of the installation's own:
/// attempts find it there and compile only what differs. A crate that cannot be built is the attempts' to tell.
///
/// # Errors
/// Lock files that are too large.
pub fn installed(project: &Project<'_>, root: &str, env_dir: &str, build: &[&str]) -> Result<InstallPlan> {
    let env = vec![("CARGO_TARGET_DIR".to_owned(), EnvChange::Set(format!("{env_dir}/target")))];
    let step = |title: &str, argv: Vec<&str>, network| {
        let command = Command { env: env.clone(), ..Command::new(argv).cwd(root) };
        InstallStep { command, title: title.to_owned(), network }
    };
    let files = project.files();
    let in_root =
        |file: &str| root.is_empty() || file.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
    let lock = if root.is_empty() { "Cargo.lock".to_owned() } else { format!("{root}/Cargo.lock") };
    let mut fetch = vec!["cargo", "fetch"];
    if files.contains(&lock) {
        fetch.push("--locked");
    }
    let script = format!("{} >/dev/null 2>&1 || true", build.join(" "));
    let steps = vec![
        step("fetching crates", fetch, true),
        step("compiling the tests", vec!["sh", "-c", &script], false),
    ];
    let mut cache_key = format!("cargo\n{}\n", build.join(" "));
    for file in files.iter().filter(|file| in_root(file)) {
        let text = project.read_text(file, LARGEST)?.unwrap_or_default();
        cache_key.push_str(&format!("--- {file}\n{text}\n"));
    }
    Ok(InstallPlan { steps, env, cache_key })
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    #[test]
    fn tests_are_compiled_once_into_a_folder_of_their_own() {
        let files = Files::default().file("Cargo.toml", "[package]").file("Cargo.lock", "version = 4");
        let plan = installed(&files.project(), "", "/env", &["cargo", "test", "--no-run"]).unwrap();
        let argv: Vec<String> = plan.steps.iter().map(|step| step.command.argv.join(" ")).collect();
        assert_eq!(argv, ["cargo fetch --locked", "sh -c cargo test --no-run >/dev/null 2>&1 || true"]);
        assert_eq!(plan.env, [("CARGO_TARGET_DIR".to_owned(), EnvChange::Set("/env/target".to_owned()))]);
        let other = Files::default().file("Cargo.toml", "[package]").file("Cargo.lock", "version = 5");
        let other = installed(&other.project(), "", "/env", &["cargo", "test", "--no-run"]).unwrap();
        assert_ne!(plan.cache_key, other.cache_key);
    }
}
