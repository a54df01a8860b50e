//! Modules and compiled packages of a project's own.

use flaky_plugin_sdk::{Command, EnvChange, InstallPlan, InstallStep, Project, Result};

use super::below;

/// Files that name modules; `go.sum` of a large project has some hundred kilobytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Downloads the modules, unless they are vendored, and compiles the tests once: attempts find both in the caches, and
/// only link. A package that cannot be built is the attempts' to tell.
pub(crate) fn install(project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
    let files = project.files();
    let has = |name: &str| files.iter().any(|file| *file == below(root, name));
    if !has("go.mod") && !has("go.work") {
        return Ok(InstallPlan::default());
    }
    let env = environment(env_dir);
    let step = |title: &str, argv: &[&str], network| {
        let command = Command { env: env.clone(), ..Command::new(argv.iter().copied()).cwd(root) };
        InstallStep { command, title: title.to_owned(), network }
    };
    let vendored = has("vendor/modules.txt");
    let mut steps = Vec::new();
    if !vendored {
        // Read-only folders, as Go makes them by itself, could not be deleted.
        steps.push(step("downloading modules", &["go", "mod", "download", "-modcacherw"], true));
    }
    let compile = "go test -run '^$' ./... >/dev/null 2>&1 || true";
    steps.push(step("compiling packages and tests", &["sh", "-c", compile], false));
    let mut cache_key = format!("go vendored={vendored}\n");
    for file in files.iter().filter(|file| names_modules(file)) {
        let text = project.read_text(file, LARGEST)?.unwrap_or_default();
        cache_key.push_str(&format!("--- {file}\n{text}\n"));
    }
    Ok(InstallPlan { steps, env, cache_key })
}

fn environment(env_dir: &str) -> Vec<(String, EnvChange)> {
    [("GOMODCACHE", "modules"), ("GOCACHE", "build")]
        .map(|(name, folder)| (name.to_owned(), EnvChange::Set(format!("{env_dir}/{folder}"))))
        .to_vec()
}

fn names_modules(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    matches!(name, "go.mod" | "go.sum" | "go.work" | "go.work.sum" | "modules.txt")
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    fn plan(files: &[(&str, &str)]) -> InstallPlan {
        let files = files.iter().fold(Files::default(), |all, (path, text)| all.file(path, *text));
        install(&files.project(), "", "/env").unwrap()
    }

    #[test]
    fn modules_are_downloaded_unless_they_are_there() {
        let words =
            |plan: &InstallPlan| plan.steps.iter().map(|s| s.command.argv[1].clone()).collect::<Vec<_>>();
        assert_eq!(words(&plan(&[("go.mod", "module a")])), ["mod", "-c"]);
        assert_eq!(words(&plan(&[("go.mod", "module a"), ("vendor/modules.txt", "")])), ["-c"]);
        assert!(plan(&[("main.go", "")]).steps.is_empty());
    }

    #[test]
    fn an_installation_depends_on_what_names_modules() {
        let key =
            |sum: &str, source: &str| plan(&[("go.mod", "m"), ("go.sum", sum), ("a.go", source)]).cache_key;
        assert_eq!(key("1", "a"), key("1", "b"));
        assert_ne!(key("1", "a"), key("2", "a"));
    }
}
