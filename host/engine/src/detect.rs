//! Which framework a command or a tree belongs to.

use std::path::{Component, Path, PathBuf};

use flaky_plugin_host::{Command, Detection, Manifest, PluginError, ProjectInput};

use crate::plugins::{Candidate, Member, PluginSet};
use crate::prepare::{Project, ProjectError};
use crate::recognise::side_by_side;

/// Asks as few frameworks as will do: first those with files of theirs in the tree, and the others only whether they
/// know a command that none of those knows.
///
/// # Errors
/// When nothing says what to run.
pub(crate) async fn find(
    plugins: &PluginSet,
    named: Option<Vec<String>>,
    tree: &Path,
) -> Result<Project, ProjectError> {
    let input = ProjectInput { root: tree.to_owned() };
    let (near, far) = near_and_far(plugins, &input).await;
    if let Some(argv) = &named {
        let knowing = recognising(&near, argv).await;
        if let Some((member, detection)) = detect(&knowing, &input, argv).await.best {
            return Ok(Project::new(&member, detection, Some(argv)));
        }
        // Without a file of theirs in the tree there is nothing to detect.
        if let Some(Ok(member)) = recognising(&far, argv).await.first().and_then(Candidate::loaded) {
            return Ok(Project::new(member, None, Some(argv)));
        }
    }
    // What a command that nobody knows runs, its words do not tell.
    let found = detect(&near, &input, &[]).await;
    match (found.best, named, found.error) {
        (Some((member, Some(detection))), named, _) => {
            Ok(Project::new(&member, Some(detection), named.as_deref()))
        }
        (_, Some(argv), _) => Ok(Project {
            framework: None,
            framework_name: "unknown".into(),
            root: String::new(),
            command: Command { argv, env: Vec::new(), cwd: String::new() },
        }),
        (_, None, Some(error)) => Err(Box::new(error).into()),
        (_, None, None) => Err(ProjectError::NoCommand { tree: tree.to_owned() }),
    }
}

/// Frameworks with files of theirs in the tree, and the others. None is loaded for that.
pub(crate) async fn near_and_far(
    plugins: &PluginSet,
    input: &ProjectInput,
) -> (Vec<Candidate>, Vec<Candidate>) {
    let frameworks: Vec<Candidate> = plugins.frameworks().cloned().collect();
    let (asked, input) = (frameworks.clone(), input.clone());
    let look = move || {
        let manifests: Vec<&Manifest> = asked.iter().map(Candidate::manifest).collect();
        input.has_files_for(&manifests)
    };
    // Should the walk itself break, all are asked.
    let has_files = tokio::task::spawn_blocking(look).await.unwrap_or_else(|_| vec![true; frameworks.len()]);
    let (near, far): (Vec<_>, Vec<_>) = frameworks.into_iter().zip(has_files).partition(|(_, has)| *has);
    let only = |list: Vec<(Candidate, bool)>| list.into_iter().map(|(candidate, _)| candidate).collect();
    (only(near), only(far))
}

/// Those that say that the command runs them, in their order.
async fn recognising(candidates: &[Candidate], argv: &[String]) -> Vec<Candidate> {
    let argv = argv.to_vec();
    let answers = side_by_side(candidates, move |member| {
        let argv = argv.clone();
        async move { member.plugin.recognises(&argv).await }
    });
    let knows = |(candidate, answer): (Candidate, Result<bool, PluginError>)| {
        answer.is_ok_and(|knows| knows).then_some(candidate)
    };
    answers.await.into_iter().filter_map(knows).collect()
}

/// What frameworks found.
#[derive(Debug)]
struct Detected {
    /// The most confident; of equals the first. Without a detection where none of them found anything.
    best: Option<(Member, Option<Detection>)>,
    /// Why one of them found nothing.
    error: Option<PluginError>,
}

async fn detect(candidates: &[Candidate], input: &ProjectInput, argv: &[String]) -> Detected {
    let paths = paths_in(argv, &input.root);
    let input = input.clone();
    let answers = side_by_side(candidates, move |member| {
        let input = input.clone();
        async move { member.plugin.detect(&input).await }
    });
    let mut detected = Detected { best: None, error: None };
    for (candidate, answer) in answers.await {
        let Some(Ok(member)) = candidate.loaded() else {
            detected.error = detected.error.or(answer.err());
            continue;
        };
        match answer {
            // The best first, so that one is enough.
            Ok(found) => detected.offer(member, found.into_iter().find(|d| concerns(&paths, &d.root))),
            Err(error) => {
                detected.error.get_or_insert(error);
                detected.offer(member, None);
            }
        }
    }
    detected
}

/// Files and folders of the tree that words of the command name, be it with a test behind `::`.
fn paths_in(argv: &[String], tree: &Path) -> Vec<PathBuf> {
    let words = argv.iter().skip(1).filter(|word| !word.starts_with('-'));
    let paths = words.map(|word| word.split_once("::").map_or(word.as_str(), |(path, _)| path));
    let inside = |path: &&str| Path::new(path).is_relative() && tree.join(path).exists();
    paths
        .filter(|path| !path.is_empty())
        .filter(inside)
        .map(|path| PathBuf::from_iter(normal(path)))
        .collect()
}

/// The path's names, without `.` in between.
fn normal(path: &str) -> impl Iterator<Item = Component<'_>> {
    Path::new(path).components().filter(|part| matches!(part, Component::Normal(_)))
}

/// Whether a command that names these paths runs anything of the project in this folder: another project beside those
/// tests (a plugin's, say) has nothing to do with them. A command that names no path may run anything.
fn concerns(paths: &[PathBuf], root: &str) -> bool {
    paths.is_empty() || paths.iter().any(|path| path.starts_with(root) || Path::new(root).starts_with(path))
}

impl Detected {
    fn offer(&mut self, member: &Member, detection: Option<Detection>) {
        let confidence = |detection: &Option<Detection>| detection.as_ref().map(|d| d.confidence);
        let better = |(_, best): &(Member, Option<Detection>)| confidence(&detection) > confidence(best);
        if self.best.as_ref().is_none_or(better) {
            self.best = Some((member.clone(), detection));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use flaky_plugin_host::{HostSettings, PluginHost};

    use super::*;

    fn plugins() -> PluginSet {
        static CACHE: OnceLock<tempfile::TempDir> = OnceLock::new();
        let cache = CACHE.get_or_init(|| tempfile::tempdir().unwrap()).path().to_owned();
        let settings = HostSettings { cache: Some(cache), ..HostSettings::default() };
        PluginSet::bundled(&PluginHost::new(settings).unwrap())
    }

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|file| std::fs::write(folder.path().join(file), "").unwrap());
        folder
    }

    fn command(words: &str) -> Option<Vec<String>> {
        Some(words.split(' ').map(str::to_owned).collect()).filter(|_| !words.is_empty())
    }

    fn loaded(plugins: &PluginSet) -> Vec<&str> {
        plugins.candidates().filter(|c| c.loaded().is_some()).map(Candidate::name).collect()
    }

    #[tokio::test]
    async fn of_a_tree_only_frameworks_with_files_in_it_are_loaded() {
        let tree = tree(&["pytest.ini", "test_cart.py"]);
        for (words, argv) in
            [("", &["pytest"][..]), ("python -m pytest -x", &["python", "-m", "pytest", "-x"])]
        {
            let plugins = plugins();
            assert_eq!(loaded(&plugins), [""; 0], "nothing is loaded before it is asked");
            let project = find(&plugins, command(words), tree.path()).await.unwrap();
            assert_eq!(project.framework_name, "python", "{words}");
            assert_eq!(project.command.argv.last().map(String::as_str), argv.last().copied(), "{words}");
            let input = ProjectInput { root: tree.path().to_owned() };
            let (near, _) = near_and_far(&plugins, &input).await;
            assert_eq!(loaded(&plugins), near.iter().map(Candidate::name).collect::<Vec<_>>(), "{words}");
        }
    }

    #[tokio::test]
    async fn a_command_is_known_without_a_file_in_the_tree_and_an_unknown_one_is_nobodys() {
        let tree = tree(&["notes.md"]);
        let project = find(&plugins(), command("pytest -x"), tree.path()).await.unwrap();
        assert_eq!(project.framework.as_ref().map(Member::name), Some("pytest"));
        assert_eq!(project.command.argv, ["pytest", "-x"]);
        let unknown = find(&plugins(), command("./check.sh"), tree.path()).await.unwrap();
        assert!(unknown.framework.is_none());
        assert_eq!(unknown.framework_name, "unknown");
    }

    #[test]
    fn a_project_beside_the_tests_that_a_command_names_has_nothing_to_do_with_it() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["test_shop.py", "plugin/test_it.py", "api/tests/test_api.py"] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        for (words, root, runs_it) in [
            ("pytest", "plugin", true),
            ("pytest -x", "plugin", true),
            ("pytest gone.py", "plugin", true),
            ("pytest test_shop.py", "", true),
            ("pytest test_shop.py", "plugin", false),
            ("pytest ./test_shop.py::test_one", "plugin", false),
            ("pytest test_shop.py plugin/test_it.py::test_it", "plugin", true),
            ("pytest .", "plugin", true),
            ("pytest api", "api/tests", true),
            ("pytest ./api/tests", "api", true),
            ("pytest plugin", "plugins", false),
        ] {
            let paths = paths_in(&command(words).unwrap(), folder.path());
            assert_eq!(concerns(&paths, root), runs_it, "{words} {root}");
        }
    }

    #[tokio::test]
    async fn without_a_command_a_tree_that_nobody_knows_is_an_error_and_nothing_is_loaded() {
        let (plugins, tree) = (plugins(), tree(&["notes.md"]));
        let error = find(&plugins, None, tree.path()).await.unwrap_err();
        assert!(matches!(error, ProjectError::NoCommand { .. }), "{error}");
        assert_eq!(loaded(&plugins), [""; 0]);
    }
}
