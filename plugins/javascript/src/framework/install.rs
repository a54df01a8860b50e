//! Packages, installed once into a folder of the project's own.
//!
//! Node.js finds packages in a `node_modules` folder beside or above the file that asks; `NODE_PATH` does not reach
//! modules of the new kind. So packages are installed in a copy of the tree and moved out of it, and every attempt gets
//! `node_modules` folders of links. Links that the installation made (packages of a workspace, those of pnpm) are copied
//! as they are: they lead within the tree of the attempt. What a tool writes beside the packages stays in the attempt.

use std::hash::{DefaultHasher, Hash, Hasher};

use flaky_plugin_sdk::{Command, EnvChange, InstallPlan, InstallStep, Project, Result};

use super::package::Package;
use super::{below, folder_of, name_of};

/// Installs in the current folder with `$3…`, and moves every `node_modules` into `$1`. `$2` is the folder's path in the
/// tree, with a slash at its end. A tree with packages of its own stays as it is; links that an earlier run left there, marked
/// as such, are none.
const SCRIPT: &str = r#"set -e
into="$1"; root="$2"; shift 2
if [ -e node_modules/.flaky-links ]; then rm -rf node_modules; fi
if [ -d node_modules ]; then exit 0; fi
if ! command -v "$1" >/dev/null 2>&1; then set -- npx --yes "$@"; fi
"$@"
mkdir -p "$into/tree" "$into/links"
link() {
  for entry in "$1"/* "$1"/.[!.]*; do
    name="${entry##*/}"
    if [ -L "$entry" ]; then
      cp -P "$entry" "$2/$name"
    elif [ -e "$entry" ]; then
      case "$name" in
        @*) mkdir -p "$2/$name"; link "$entry" "$2/$name" ;;
        *) ln -s "$entry" "$2/$name" ;;
      esac
    fi
  done
}
find . -name node_modules -type d -prune | while read -r found; do
  found="${found#./}"
  mkdir -p "$into/tree/$root$found" "$into/links/$root$found"
  rmdir "$into/tree/$root$found"
  mv "$found" "$into/tree/$root$found"
  link "$into/tree/$root$found" "$into/links/$root$found"
done
if [ -d "$into/links/${root}node_modules" ]; then printf %s "$into" >"$into/links/${root}node_modules/.flaky-links"; fi"#;

/// Packages of the project in `root`, by the manager whose lock file there is; npm without one. Nothing, when the project
/// names none.
///
/// # Errors
/// When a file of the project cannot be read.
pub fn install(project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
    let files = project.files();
    let (folder, manager) = manager(&files, root);
    let package = Package::read(project, &below(folder, "package.json"))?.unwrap_or_default();
    let inner = Package::read(project, &below(root, "package.json"))?.unwrap_or_default();
    if !package.has_needs() && !inner.has_needs() {
        return Ok(InstallPlan::default());
    }
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let words = manager.command();
    let argv = ["sh", "-c", SCRIPT, "sh", env_dir, prefix.as_str()].into_iter().chain(words.iter().copied());
    let step = InstallStep {
        command: Command::new(argv)
            .cwd(folder)
            // Packages for tests are left out in production.
            .env("NODE_ENV", EnvChange::Remove)
            .env("YARN_NODE_LINKER", EnvChange::Set("node-modules".to_owned())),
        title: format!("installing packages with {}", words.first().copied().unwrap_or("npm")),
        network: true,
    };
    let mut cache_key = format!("node\n{}\n", words.join(" "));
    for file in files.iter().filter(|file| is_cause(file) && is_below(file, folder)) {
        cache_key.push_str(&format!("--- {file} {:016x}\n", hash(project, file)));
    }
    let env = [("FLAKY_NODE_TREE", env_dir.to_owned()), ("FLAKY_NODE_ROOT", prefix)];
    let env = env.into_iter().map(|(name, value)| (name.to_owned(), EnvChange::Set(value))).collect();
    Ok(InstallPlan { steps: vec![step], env, cache_key })
}

/// Who installs, by the lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Npm { locked: bool },
    Pnpm,
    Yarn { modern: bool },
}

impl Manager {
    fn command(self) -> &'static [&'static str] {
        match self {
            Self::Npm { locked: true } => {
                &["npm", "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"]
            }
            Self::Npm { locked: false } => &[
                "npm",
                "install",
                "--include=dev",
                "--no-audit",
                "--no-fund",
                "--no-package-lock",
                "--loglevel=error",
            ],
            Self::Pnpm => &["pnpm", "install", "--frozen-lockfile", "--prod=false"],
            Self::Yarn { modern: false } => &["yarn", "install", "--frozen-lockfile", "--production=false"],
            Self::Yarn { modern: true } => &["yarn", "install", "--immutable"],
        }
    }
}

/// The folder with the lock file, `root` or one above it, and the manager that wrote it.
fn manager<'r>(files: &[String], root: &'r str) -> (&'r str, Manager) {
    let has = |folder: &str, name: &str| files.contains(&below(folder, name));
    let mut folder = root;
    loop {
        if has(folder, "package-lock.json") || has(folder, "npm-shrinkwrap.json") {
            return (folder, Manager::Npm { locked: true });
        }
        if has(folder, "pnpm-lock.yaml") {
            return (folder, Manager::Pnpm);
        }
        if has(folder, "yarn.lock") {
            return (folder, Manager::Yarn { modern: has(folder, ".yarnrc.yml") });
        }
        if folder.is_empty() {
            return (root, Manager::Npm { locked: false });
        }
        folder = folder_of(folder);
    }
}

/// What an installation depends on.
fn is_cause(file: &str) -> bool {
    let names = [
        "package.json",
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "pnpm-workspace.yaml",
        ".npmrc",
        ".yarnrc.yml",
    ];
    names.contains(&name_of(file))
}

fn is_below(file: &str, folder: &str) -> bool {
    folder.is_empty() || file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn hash(project: &Project<'_>, file: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    if let Some(blob) = project.open(file) {
        for chunk in blob.chunks() {
            chunk.hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    #[test]
    fn the_lock_file_says_who_installs_and_where() {
        let json = r#"{"devDependencies":{"jest":"*"}}"#;
        let cases: &[(&[&str], &str, &str, &str)] = &[
            (&["package.json"], "", "", "npm install"),
            (&["package.json", "package-lock.json"], "", "", "npm ci"),
            (&["package.json", "app/package.json", "pnpm-lock.yaml"], "app", "", "pnpm install"),
            (&["app/package.json", "app/yarn.lock"], "app", "app", "yarn install"),
        ];
        for (names, root, folder, words) in cases {
            let files = names.iter().fold(Files::default(), |all, name| all.file(name, json));
            let plan = install(&files.project(), root, "/env").unwrap_or_default();
            let command =
                plan.steps.first().map(|step| step.command.clone()).unwrap_or_else(|| Command::new(["none"]));
            assert_eq!(command.cwd, *folder, "{names:?}");
            let argv = command.argv.get(6..8).map(|words| words.join(" "));
            assert_eq!(argv.as_deref(), Some(*words), "{names:?}");
        }
    }

    #[test]
    fn a_project_without_needs_is_not_installed() {
        let files = Files::default().file("package.json", r#"{"scripts":{"test":"node --test"}}"#);
        assert_eq!(install(&files.project(), "", "/env").ok(), Some(InstallPlan::default()));
    }
}
