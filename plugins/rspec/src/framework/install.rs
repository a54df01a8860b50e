//! Gems of the project's own, never those of the system.

use flaky_plugin_sdk::{Command, EnvChange, InstallPlan, InstallStep, Project, Result};

use super::{LARGEST_SETTINGS, below};

/// Lists of gems, and what they resolved to.
const LISTS: [(&str, &str); 2] = [("Gemfile", "Gemfile.lock"), ("gems.rb", "gems.locked")];

/// Bundler puts the gems into the environment folder, and its settings as well. A project without a list of gems runs
/// with what is there.
pub(crate) fn install(project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
    let Some((list, lock)) = LISTS.iter().find(|(list, _)| project.open(&below(root, list)).is_some()) else {
        return Ok(InstallPlan::default());
    };
    let mut cache_key = String::from("bundler\n");
    let gemspecs = project.files().into_iter().filter(|file| file.ends_with(".gemspec"));
    let named = [*list, *lock, ".ruby-version", ".tool-versions"].map(|name| below(root, name));
    for file in named.into_iter().chain(gemspecs) {
        if let Some(text) = project.read_text(&file, LARGEST_SETTINGS)? {
            cache_key.push_str(&format!("--- {file}\n{text}\n"));
        }
    }
    let env = environment(list, env_dir);
    let command = env.iter().fold(
        // Three attempts at a download are Bundler's own default; without questions, and with errors alone.
        Command::new(["bundle", "install", "--quiet"]).cwd(root),
        |command, (name, change)| command.env(name, change.clone()),
    );
    let title = format!("installing the gems that {list} names");
    Ok(InstallPlan { steps: vec![InstallStep { command, title, network: true }], env, cache_key })
}

/// Variables of Bundler outweigh its settings in the project (`.bundle/config`).
fn environment(list: &str, env_dir: &str) -> Vec<(String, EnvChange)> {
    let mut all = vec![
        ("BUNDLE_PATH".to_owned(), EnvChange::Set(format!("{env_dir}/bundle"))),
        ("BUNDLE_APP_CONFIG".to_owned(), EnvChange::Set(format!("{env_dir}/config"))),
        // A deployment's settings would refuse a list without a lock file.
        ("BUNDLE_DEPLOYMENT".to_owned(), EnvChange::Set("false".to_owned())),
    ];
    if list != "Gemfile" {
        all.push(("BUNDLE_GEMFILE".to_owned(), EnvChange::Remove));
    }
    all
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    #[test]
    fn gems_go_into_the_environment_folder_and_the_lock_file_is_the_key() {
        let files = Files::default()
            .file("app/Gemfile", "gem 'rspec'")
            .file("app/Gemfile.lock", "rspec (3.13.0)")
            .file("Gemfile.lock", "of another folder");
        let plan = install(&files.project(), "app", "/env").unwrap();
        let step = plan.steps.first().unwrap();
        assert_eq!(
            (step.command.argv.join(" "), step.command.cwd.as_str()),
            ("bundle install --quiet".to_owned(), "app")
        );
        assert!(plan.env.contains(&("BUNDLE_PATH".to_owned(), EnvChange::Set("/env/bundle".to_owned()))));
        assert_eq!(plan.env, step.command.env);
        assert!(plan.cache_key.contains("rspec (3.13.0)") && !plan.cache_key.contains("another"));
    }

    #[test]
    fn without_a_list_of_gems_there_is_nothing_to_install() {
        let files = Files::default().file("spec/a_spec.rb", "");
        assert!(install(&files.project(), "", "/env").unwrap().steps.is_empty());
    }
}
