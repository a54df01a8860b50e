//! Where in a project Maven has something to test, and what its tests need.

use flaky_plugin_sdk::{Command, Detection, EnvChange, InstallPlan, InstallStep, Project, Result};

use super::{REPOSITORY, REPOSITORY_OPTION};

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

/// Dependencies and plugins go into a repository of the installation's own. Attempts are told by an option where Maven is
/// called directly, elsewhere by `MAVEN_ARGS`, which Maven reads since 3.9.
pub(crate) fn install(project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
    let files = project.files();
    let repository = format!("{env_dir}/repository");
    let option = format!("{REPOSITORY_OPTION}{repository}");
    let argv = ["sh", "-c", FETCH, &repository, maven(&files, root), "-B", "-q", &option];
    let steps = vec![InstallStep {
        command: Command::new(argv).cwd(root),
        title: "fetching what the Maven project needs".to_owned(),
        network: true,
    }];
    let mut cache_key = String::from("maven\n");
    for file in files.iter().filter(|file| is_below(file, root)) {
        if folder_of(file, "pom.xml").is_none() && !file.contains(".mvn/") {
            continue;
        }
        let text = project.read_text(file, LARGEST_POM)?.unwrap_or_default();
        cache_key.push_str(&format!("--- {file}\n{text}\n"));
    }
    let env = [("MAVEN_ARGS", option), (REPOSITORY, repository)];
    let env = env.into_iter().map(|(name, value)| (name.to_owned(), EnvChange::Set(value))).collect();
    Ok(InstallPlan { steps, env, cache_key })
}

/// Fetches with Maven's command `$@` into the repository `$0`.
///
/// What later phases need is fetched where that can be done: it cannot in a project of modules that need each other, nor
/// where a repository lacks what no test needs. Surefire fetches what runs the tests when it is about to run some, so it is
/// asked for a method that no class has; neither version 2 nor 3 shall take that for a failure. Maven uses an artifact only
/// where the repository that it came from is known, unless nobody recorded that: settings of its user, which may name
/// the repository, are not in the home folder of attempts.
const FETCH: &str = r#""$@" dependency:go-offline || true
"$@" test "-Dtest=*#flakyHasNoSuchTest" -Dsurefire.failIfNoSpecifiedTests=false -DfailIfNoTests=false || exit
find "$0" "(" -name _remote.repositories -o -name "*.lastUpdated" ")" -exec rm -f {} +"#;

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
