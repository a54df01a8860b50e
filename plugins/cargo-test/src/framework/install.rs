//! Dependencies and compiled tests of a project's own.

use flaky_plugin_sdk::{Command, EnvChange, InstallPlan, InstallStep, Project, Result};

/// Lock files of large projects have some hundred kilobytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Attempts have a `HOME` of their own, where Cargo would find neither its crates nor its settings, and rustup's proxies no
/// toolchain. Crates go into the installation; settings and toolchains are the user's, who may change them.
const HOMES: &str = concat!(
    r#"mkdir -p "$1/cargo" || exit; "#,
    r#"for name in config.toml config credentials.toml credentials; do "#,
    r#"file="${CARGO_HOME:-$HOME/.cargo}/$name"; if [ -f "$file" ]; then ln -sfn "$file" "$1/cargo/$name"; fi; done; "#,
    r#"toolchains="${RUSTUP_HOME:-$HOME/.rustup}"; if [ -d "$toolchains" ]; then ln -sfn "$toolchains" "$1/rustup"; fi"#,
);

/// Fetches what the project depends on, and compiles the tests once into a target folder of the installation's own:
/// attempts find it there and compile only what differs. A crate that cannot be built is the attempts' to tell.
///
/// # Errors
/// Lock files that are too large.
pub fn installed(project: &Project<'_>, root: &str, env_dir: &str, build: &[&str]) -> Result<InstallPlan> {
    let env = [("CARGO_TARGET_DIR", "target"), ("CARGO_HOME", "cargo"), ("RUSTUP_HOME", "rustup")]
        .map(|(name, folder)| (name.to_owned(), EnvChange::Set(format!("{env_dir}/{folder}"))))
        .to_vec();
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
        InstallStep {
            command: Command::new(["sh", "-c", HOMES, "sh", env_dir]).cwd(root),
            title: "linking settings and toolchains".to_owned(),
            network: false,
        },
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
        let argv: Vec<String> = plan.steps.iter().skip(1).map(|step| step.command.argv.join(" ")).collect();
        assert_eq!(argv, ["cargo fetch --locked", "sh -c cargo test --no-run >/dev/null 2>&1 || true"]);
        let set = |name: &str, value: &str| (name.to_owned(), EnvChange::Set(value.to_owned()));
        let env = [
            set("CARGO_TARGET_DIR", "/env/target"),
            set("CARGO_HOME", "/env/cargo"),
            set("RUSTUP_HOME", "/env/rustup"),
        ];
        assert_eq!(plan.env, env);
        assert!(plan.steps[0].command.env.is_empty(), "it looks for the user's own");
        let other = Files::default().file("Cargo.toml", "[package]").file("Cargo.lock", "version = 5");
        let other = installed(&other.project(), "", "/env", &["cargo", "test", "--no-run"]).unwrap();
        assert_ne!(plan.cache_key, other.cache_key);
    }
}
