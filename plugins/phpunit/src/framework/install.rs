//! Packages of Composer, installed once and copied into every attempt.
//!
//! Composer's autoloader finds the project from where it lies itself, and settings of PHPUnit name `vendor/autoload.php`:
//! links to packages elsewhere would lead away from the project, so `vendor` has to be there, whole.

use flaky_plugin_sdk::{Command, EnvChange, InstallPlan, InstallStep, Project, Result};
use serde_json::Value;

use super::LARGEST_SETTINGS;

/// Whether the folder `$1` is a copy of ours, and Composer has installed nothing into it since: it records what it did.
const IS_OURS: &str = r#"is_ours() { cmp -s "$1/.flaky-installed" "$1/composer/installed.json"; }
"#;

/// Installs in the current folder with `$3…`, and moves `$2` into `$1`. Packages of the project's own stay as they are. Where
/// there is no Composer, tests say what they lack.
const INSTALL: &str = r#"set -e
into="$1"; vendor="$2"; shift 2
if is_ours "$vendor"; then rm -rf "$vendor"; fi
if [ -e "$vendor/autoload.php" ] || ! command -v "$1" >/dev/null 2>&1; then exit 0; fi
"$@"
cp "$vendor/composer/installed.json" "$vendor/.flaky-installed"
mv "$vendor" "$into/vendor""#;

/// Copies the packages into the work tree, whose root is `$0`, unless they are there; then runs the command. Attempts may share
/// a tree, so the folder has its name when it is whole.
const COPY: &str = r#"from="$FLAKY_PHP_ENV/vendor"; at="$0/$FLAKY_PHP_VENDOR"
if [ -n "$FLAKY_PHP_ENV" ] && [ -d "$from" ]; then
  if is_ours "$at" && ! cmp -s "$from/.flaky-installed" "$at/.flaky-installed"; then
    mv -T "$at" "$at.flaky-old-$$" 2>/dev/null || true
    rm -rf "$at.flaky-old-$$"
  fi
  if [ ! -e "$at" ]; then
    cp -RP "$from" "$at.flaky-$$" && mv -T "$at.flaky-$$" "$at" 2>/dev/null
    rm -rf "$at.flaky-$$"
  fi
fi
exec "$@""#;

/// What `composer.json` in `root` asks for; nothing where there is none.
pub(crate) fn install(project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
    let list = below(root, "composer.json");
    let Some(vendor) = project.read_text(&list, LARGEST_SETTINGS)?.and_then(|text| vendor_of(&text)) else {
        return Ok(InstallPlan::default());
    };
    let script = format!("{IS_OURS}{INSTALL}");
    let fixed = ["sh", "-c", script.as_str(), "sh", env_dir, vendor.as_str()];
    let words = ["composer", "install", "--no-interaction", "--no-progress"];
    let step = InstallStep {
        command: Command::new(fixed.into_iter().chain(words))
            .cwd(root)
            // Root is who containers run as, and would get no plugins of packages.
            .env("COMPOSER_ALLOW_SUPERUSER", EnvChange::Set("1".to_owned())),
        title: "installing packages with composer".to_owned(),
        network: true,
    };
    let mut cache_key = format!("composer\n{}\n", words.join(" "));
    for file in [list, below(root, "composer.lock")] {
        cache_key.push_str(&format!("--- {file} {:016x}\n", project.fingerprint(&file)));
    }
    let env = [("FLAKY_PHP_ENV", env_dir.to_owned()), ("FLAKY_PHP_VENDOR", below(root, &vendor))];
    let env = env.into_iter().map(|(name, value)| (name.to_owned(), EnvChange::Set(value))).collect();
    Ok(InstallPlan { steps: vec![step], env, cache_key })
}

/// The command, started where the packages are.
pub(super) fn with_packages(mut command: Command) -> Command {
    let depth = command.cwd.split('/').filter(|part| !part.is_empty() && *part != ".").count();
    let root = format!(".{}", "/..".repeat(depth));
    let wrapper = ["sh".to_owned(), "-c".to_owned(), format!("{IS_OURS}{COPY}"), root];
    command.argv.splice(0..0, wrapper);
    command
}

/// The folder of packages; `None` where the list cannot be read, or names one outside of the project.
fn vendor_of(list: &str) -> Option<String> {
    let list: Value = serde_json::from_str(list).ok()?;
    let named = list.get("config").and_then(|config| config.get("vendor-dir")).and_then(Value::as_str);
    let vendor = named.unwrap_or("vendor").trim_start_matches("./").trim_end_matches('/');
    let inside = !vendor.is_empty() && vendor.split('/').all(|part| !matches!(part, "" | "." | ".."));
    (inside && !vendor.starts_with(['$', '~', '-'])).then(|| vendor.to_owned())
}

fn below(root: &str, path: &str) -> String {
    if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") }
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    #[test]
    fn packages_lie_where_their_list_says_and_never_outside_of_the_project() {
        let cases = [
            ("{}", Some("vendor")),
            (r#"{"config": {"vendor-dir": "./lib/php/"}}"#, Some("lib/php")),
            (r#"{"config": {"vendor-dir": "../shared"}}"#, None),
            (r#"{"config": {"vendor-dir": "/opt/php"}}"#, None),
            (r#"{"config": {"vendor-dir": "$HOME/php"}}"#, None),
            (r#"{"config": {"vendor-dir": ""}}"#, None),
            ("{broken", None),
        ];
        for (list, expected) in cases {
            assert_eq!(vendor_of(list).as_deref(), expected, "{list}");
        }
    }

    #[test]
    fn an_installation_depends_on_list_and_lock_and_is_none_without_a_list() {
        let key = |lock: &str| {
            let files = Files::default().file("a/composer.json", "{}").file("a/composer.lock", lock);
            install(&files.project(), "a", "/env").unwrap().cache_key
        };
        assert_ne!(key("1"), key("2"));
        let files = Files::default().file("composer.json", "{}");
        assert_eq!(install(&files.project(), "a", "/env").unwrap(), InstallPlan::default());
    }
}
