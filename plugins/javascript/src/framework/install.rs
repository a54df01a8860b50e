//! Packages, installed once into a folder of the project's own.
//!
//! Node.js finds packages in a `node_modules` folder beside or above the file that asks; `NODE_PATH` does not reach
//! modules of the new kind. So packages are installed in a copy of the tree and moved out of it, and every attempt gets
//! `node_modules` folders of links. Links that the installation made (packages of a workspace, those of pnpm) are copied
//! as they are: they lead within the tree of the attempt. What a tool writes beside the packages stays in the attempt.

use flaky_plugin_sdk::{Command, EnvChange, InstallPlan, InstallStep, Project, Result};

use super::package::Package;
use super::{below, folder_of, name_of};

/// Whether `node_modules` folder `$1` holds our links, and no package manager has installed into it since: each keeps a
/// record of its own there, which we leave out.
pub(super) const IS_OURS: &str = r#"is_ours() {
  [ -e "$1/.flaky-links" ] || return 1
  for record in .package-lock.json .yarn-integrity .yarn-state.yml .modules.yaml; do
    if [ -e "$1/$record" ]; then return 1; fi
  done
}
"#;

/// Installs in the current folder with `$4…`, and moves every `node_modules` into `$1`. `$2` is the folder's path in the
/// tree, with a slash at its end; `$3` the package of npm that has the program, should it not be here, or be too old. A tree
/// with packages of its own stays as it is; links that an earlier run left there, marked as such, are none. The mark
/// tells one installation from the next.
const SCRIPT: &str = r#"set -e
into="$1"; root="$2"; package="$3"; shift 3
if [ -d node_modules ] && ! is_ours node_modules; then exit 0; fi
find . -name node_modules -type d -prune | while read -r found; do
  if is_ours "$found"; then rm -rf "$found"; fi
done
usable=1
if ! command -v "$1" >/dev/null 2>&1; then usable=0; fi
case "$package" in
  @yarnpkg/*) case "$("$1" --version 2>/dev/null || true)" in ""|0.*|1.*) usable=0 ;; esac ;;
esac
if [ "$usable" = 0 ]; then set -- npx --yes "--package=$package" -- "$@"; fi
"$@"
mkdir -p "$into/tree" "$into/links"
link() {
  for entry in "$1"/* "$1"/.[!.]*; do
    name="${entry##*/}"
    case "$name" in .package-lock.json|.yarn-integrity|.yarn-state.yml|.modules.yaml) continue ;; esac
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
mark="$into $(date +%s) $$"
find . -name node_modules -type d -prune | while read -r found; do
  found="${found#./}"
  mkdir -p "$into/tree/$root$found" "$into/links/$root$found"
  rmdir "$into/tree/$root$found"
  mv "$found" "$into/tree/$root$found"
  link "$into/tree/$root$found" "$into/links/$root$found"
  printf '%s\n' "$mark" >"$into/links/$root$found/.flaky-links"
  printf '%s\n' "$root$found" >>"$into/folders"
done"#;

/// Packages of the project in `root`, by the manager whose lock file there is; npm without one. Nothing, when the project
/// names none.
///
/// # Errors
/// When a file of the project cannot be read.
pub fn install(project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
    let files = project.files();
    let (folder, manager) = manager(&files, root);
    let lock = head_of_lock(project, folder, manager);
    let manager = manager.by_lock(&lock);
    let package = Package::read(project, &below(folder, "package.json"))?.unwrap_or_default();
    let inner = Package::read(project, &below(root, "package.json"))?.unwrap_or_default();
    if !package.has_needs() && !inner.has_needs() {
        return Ok(InstallPlan::default());
    }
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let words = manager.command();
    let source = manager.source(&package, &lock);
    let script = format!("{IS_OURS}{SCRIPT}");
    let fixed = ["sh", "-c", script.as_str(), "sh", env_dir, prefix.as_str(), source.as_str()];
    let state = (manager == Manager::Yarn { modern: true })
        .then(|| ("YARN_INSTALL_STATE_PATH", format!("{env_dir}/yarn-install-state.gz")));
    let mut command = Command::new(fixed.into_iter().chain(words.iter().copied()))
        .cwd(folder)
        // Packages for tests are left out in production.
        .env("NODE_ENV", EnvChange::Remove)
        .env("YARN_NODE_LINKER", EnvChange::Set("node-modules".to_owned()));
    if let Some((name, path)) = &state {
        command = command.env(name, EnvChange::Set(path.clone()));
    }
    let step = InstallStep {
        command,
        title: format!("installing packages with {}", words.first().copied().unwrap_or("npm")),
        network: true,
    };
    let mut cache_key = format!("node\n{}\n", words.join(" "));
    for file in files.iter().filter(|file| is_cause(file) && is_below(file, folder)) {
        cache_key.push_str(&format!("--- {file} {:016x}\n", project.fingerprint(file)));
    }
    // Without its record of the installation, Yarn resolves anew for every script.
    let env = [("FLAKY_NODE_TREE", env_dir.to_owned()), ("FLAKY_NODE_ROOT", prefix)].into_iter().chain(state);
    let env = env.map(|(name, value)| (name.to_owned(), EnvChange::Set(value))).collect();
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

impl Manager {
    /// Which Yarn it is, its lock file says better than its settings.
    fn by_lock(self, lock: &str) -> Self {
        match self {
            Self::Yarn { .. } if lock.contains("\n__metadata:") => Self::Yarn { modern: true },
            Self::Yarn { .. } if lock.contains("# yarn lockfile v1") => Self::Yarn { modern: false },
            other => other,
        }
    }

    /// The package of npm that has the program: of the version that the project names, else of one that writes lock
    /// files as this one is. Others refuse it, or would change it.
    fn source(self, package: &Package, lock: &str) -> String {
        let (name, said) = match self {
            Self::Npm { .. } => return "npm".to_owned(),
            Self::Pnpm => ("pnpm", "pnpm@"),
            Self::Yarn { modern: true } => ("@yarnpkg/cli-dist", "yarn@"),
            Self::Yarn { modern: false } => ("yarn", "yarn@"),
        };
        let named = package.manager.as_deref().and_then(|manager| manager.strip_prefix(said));
        let named = named.map(|version| version.split('+').next().unwrap_or(version));
        let is_version = |text: &&str| {
            text.starts_with(|c: char| c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
        };
        let version = named.filter(is_version).unwrap_or_else(|| self.version_of(lock));
        format!("{name}@{version}")
    }

    fn version_of(self, lock: &str) -> &'static str {
        let after = |key: &str| {
            lock.lines()
                .find_map(|line| line.trim().strip_prefix(key))
                .map(|value| value.trim().trim_matches('\'').split('.').next().unwrap_or_default())
        };
        match self {
            Self::Npm { .. } => "latest",
            Self::Pnpm => match after("lockfileVersion:") {
                Some("5") => "7",
                Some("6") => "8",
                Some("9") => "10",
                _ => "latest",
            },
            Self::Yarn { modern: false } => "1",
            Self::Yarn { modern: true } => match after("version:") {
                Some("4") => "2",
                Some("5" | "6" | "7") => "3",
                Some("8") => "4.12.0",
                Some("9") => "4.14.1",
                _ => "4",
            },
        }
    }

    fn lock_file(self) -> &'static str {
        match self {
            Self::Npm { .. } => "package-lock.json",
            Self::Pnpm => "pnpm-lock.yaml",
            Self::Yarn { .. } => "yarn.lock",
        }
    }
}

/// Where lock files say their version.
const HEAD_OF_LOCK: u32 = 4096;

fn head_of_lock(project: &Project<'_>, folder: &str, manager: Manager) -> String {
    let blob = project.open(&below(folder, manager.lock_file()));
    let head = blob.map(|blob| blob.read_at(0, HEAD_OF_LOCK).into_owned()).unwrap_or_default();
    String::from_utf8_lossy(&head).into_owned()
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
            let argv = command.argv.get(7..9).map(|words| words.join(" "));
            assert_eq!(argv.as_deref(), Some(*words), "{names:?}");
        }
    }

    #[test]
    fn a_manager_that_is_not_here_comes_in_the_version_that_fits() {
        let yarn = |modern| Manager::Yarn { modern };
        let named = |manager: &str| Package { manager: Some(manager.to_owned()), ..Package::default() };
        let none = Package::default;
        let cases = [
            (Manager::Pnpm, named("pnpm@9.8.0+sha512.00"), "lockfileVersion: '9.0'", "pnpm@9.8.0"),
            (Manager::Pnpm, none(), "lockfileVersion: '9.0'\n", "pnpm@10"),
            (Manager::Pnpm, none(), "lockfileVersion: 5.4\n", "pnpm@7"),
            (Manager::Pnpm, named("yarn@1.22.22"), "lockfileVersion: '6.0'\n", "pnpm@8"),
            (Manager::Pnpm, named("pnpm@$(rm)"), "", "pnpm@latest"),
            (yarn(false), none(), "# yarn lockfile v1\n", "yarn@1"),
            (yarn(true), none(), "__metadata:\n  version: 8\n", "@yarnpkg/cli-dist@4.12.0"),
            (yarn(true), none(), "__metadata:\n  version: 10\n", "@yarnpkg/cli-dist@4"),
            (yarn(true), none(), "__metadata:\n  version: 6\n", "@yarnpkg/cli-dist@3"),
            (yarn(true), named("yarn@4.5.0"), "__metadata:\n  version: 8\n", "@yarnpkg/cli-dist@4.5.0"),
        ];
        for (manager, package, lock, expected) in cases {
            assert_eq!(manager.source(&package, lock), expected, "{manager:?} {lock}");
        }
    }

    #[test]
    fn a_project_without_needs_is_not_installed() {
        let files = Files::default().file("package.json", r#"{"scripts":{"test":"node --test"}}"#);
        assert_eq!(install(&files.project(), "", "/env").ok(), Some(InstallPlan::default()));
    }
}
