//! Where in a project Maven has something to test, and what its tests need.

use flaky_plugin_sdk::{Command, Detection, EnvChange, InstallPlan, InstallStep, Project, Result};

/// Descriptions of projects are small; what is larger than this is not one.
const LARGEST_POM: u64 = 4 * 1024 * 1024;

/// More detections than this help nobody to choose.
const MOST_DETECTIONS: usize = 50;

/// The topmost folders with a `pom.xml`: modules are built from there.
pub(crate) fn detect(project: &Project<'_>) -> Result<Vec<Detection>> {
    let files = project.files();
    let mut folders: Vec<&str> = files.iter().filter_map(|file| folder_of(file, "pom.xml")).collect();
    folders.sort_by_key(|folder| (folder.matches('/').count(), *folder));
    let mut roots: Vec<&str> = Vec::new();
    for folder in folders {
        if !roots.iter().any(|root| is_below(folder, root)) {
            roots.push(folder);
        }
    }
    let mut found: Vec<Detection> = roots
        .into_iter()
        .map(|root| {
            let tests =
                files.iter().filter(|file| is_below(file, root) && file.contains("src/test/")).count();
            let confidence = if tests > 0 { 90 } else { 40 };
            let reason = format!("`pom.xml` describes a Maven project, with {tests} files in `src/test`");
            let default_command = Command::new([maven(&files, root), "-B", "test"]).cwd(root);
            Detection { name: "maven".to_owned(), root: root.to_owned(), confidence, reason, default_command }
        })
        .collect();
    found.sort_by_key(|detection| {
        (std::cmp::Reverse(detection.confidence), detection.root.matches('/').count())
    });
    found.truncate(MOST_DETECTIONS);
    Ok(found)
}

/// Dependencies and plugins go into a repository of the installation's own. Attempts find it by `MAVEN_ARGS`, which
/// Maven reads since 3.9; older versions use the repository of their user.
pub(crate) fn install(project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
    let files = project.files();
    let repository = format!("-Dmaven.repo.local={env_dir}/repository");
    let step = |title: &str, goals: &[&str]| {
        let argv = [maven(&files, root), "-B", "-q", &repository].into_iter().chain(goals.iter().copied());
        InstallStep { command: Command::new(argv).cwd(root), title: title.to_owned(), network: true }
    };
    let steps =
        vec![step("fetching what the Maven project needs", &["dependency:go-offline", "test-compile"])];
    let mut cache_key = String::from("maven\n");
    for file in files.iter().filter(|file| is_below(file, root)) {
        if folder_of(file, "pom.xml").is_none() && !file.contains(".mvn/") {
            continue;
        }
        let text = project.read_text(file, LARGEST_POM)?.unwrap_or_default();
        cache_key.push_str(&format!("--- {file}\n{text}\n"));
    }
    let env = vec![("MAVEN_ARGS".to_owned(), EnvChange::Set(repository.clone()))];
    Ok(InstallPlan { steps, env, cache_key })
}

/// The project's own wrapper, where it has one.
fn maven(files: &[String], root: &str) -> &'static str {
    let wrapper = if root.is_empty() { "mvnw".to_owned() } else { format!("{root}/mvnw") };
    if files.contains(&wrapper) { "./mvnw" } else { "mvn" }
}

/// The folder of a file of this name.
fn folder_of<'f>(file: &'f str, name: &str) -> Option<&'f str> {
    let rest = file.strip_suffix(name)?;
    if rest.is_empty() { Some("") } else { rest.strip_suffix('/') }
}

fn is_below(path: &str, root: &str) -> bool {
    root.is_empty() || path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    #[test]
    fn modules_belong_to_the_project_above_them() {
        let files = Files::default()
            .file("a/pom.xml", "")
            .file("a/core/pom.xml", "")
            .file("a/core/src/test/java/T.java", "")
            .file("a/mvnw", "")
            .file("b/pom.xml", "");
        let found = detect(&files.project()).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|f| (f.root.as_str(), f.confidence, f.default_command.argv[0].as_str()))
            .collect();
        assert_eq!(found, [("a", 90, "./mvnw"), ("b", 40, "mvn")]);
        let key = install(&files.project(), "a", "/env").unwrap().cache_key;
        assert!(key.contains("a/core/pom.xml") && !key.contains("b/pom.xml"), "{key}");
    }
}
