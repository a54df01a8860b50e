//! How Gradle projects are found, installed, seeded and selected from.

mod select;

use flaky_plugin_sdk::{
    AttemptContext, Command, Detection, EnvChange, InstallPlan, InstallStep, Instrumented, Project, Result,
    SupportFile,
};

pub(crate) use select::select;

/// What describes a project, and where its tests are.
pub(crate) const PROJECT_FILES: &[&str] = &[
    "**/{build,settings}.gradle",
    "**/{build,settings}.gradle.kts",
    "**/gradle.properties",
    "**/gradle/libs.versions.toml",
    "**/gradle/wrapper/gradle-wrapper.properties",
    "**/gradlew",
    "**/src/test/**/*.{java,kt,groovy,scala}",
];

/// Descriptions of projects are small; what is larger than this is not one.
const LARGEST_SETTINGS: u64 = 1024 * 1024;

/// More detections than this help nobody to choose.
const MOST_DETECTIONS: usize = 50;

/// Tools that run the command after them.
const RUNNERS: [&str; 7] = ["env", "time", "timeout", "nice", "nohup", "xvfb-run", "stdbuf"];

/// Our script, in the folder of support files.
const SCRIPT: &str = "flaky.init.gradle";

/// Whether a task of this name runs tests.
pub(crate) fn is_test_task(name: &str) -> bool {
    name == "test" || name == "jvmTest" || name.ends_with("Test")
}

/// Where the arguments of Gradle begin, when it is called directly and runs tests.
pub(crate) fn arguments(argv: &[String]) -> Option<usize> {
    let at = argv.iter().position(|word| matches!(base_name(word), "gradle" | "gradlew" | "gradlew.bat"))?;
    let is_runner = |word: &String| RUNNERS.contains(&base_name(word)) || word.contains('=');
    let reaches = at == 0 || argv.first().is_some_and(is_runner);
    let runs = argv.get(at + 1..)?.iter().any(|word| {
        let task = word.rsplit(':').next().unwrap_or(word);
        !word.starts_with('-') && (is_test_task(task) || matches!(task, "check" | "build" | "allTests"))
    });
    (reaches && runs).then_some(at + 1)
}

/// Whether Gradle runs tests in the command.
pub(crate) fn recognises(argv: &[String]) -> bool {
    arguments(argv).is_some()
}

fn base_name(word: &str) -> &str {
    word.rsplit(['/', '\\']).next().unwrap_or(word)
}

/// The topmost folders with settings or a build script: modules are built from there.
pub(crate) fn detect(project: &Project<'_>) -> Result<Vec<Detection>> {
    let files = project.files();
    let mut folders: Vec<&str> =
        files.iter().filter(|file| is_script(file)).map(|file| folder_of(file)).collect();
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
            Detection {
                name: "gradle".to_owned(),
                root: root.to_owned(),
                confidence: if tests > 0 { 90 } else { 40 },
                reason: format!("a Gradle build, with {tests} files in `src/test`"),
                default_command: Command::new([gradle(&files, root), "test"]).cwd(root),
            }
        })
        .collect();
    found.sort_by_key(|detection| {
        (std::cmp::Reverse(detection.confidence), detection.root.matches('/').count())
    });
    found.truncate(MOST_DETECTIONS);
    Ok(found)
}

/// Gradle keeps all that it fetches in its user home: the installation has one of its own. It fetches what somebody asks
/// for: compiling the tests does not ask for what they need to run.
pub(crate) fn install(project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
    let files = project.files();
    let home = ("GRADLE_USER_HOME".to_owned(), EnvChange::Set(format!("{env_dir}/gradle")));
    let script = format!("{env_dir}/{SCRIPT}");
    let wrapper = ["sh", "-c", WITH_SCRIPT, &script, ALL_CLASSPATHS];
    let words = [gradle(&files, root), "--no-daemon", "--quiet", "--init-script", &script, CLASSPATHS_TASK];
    let mut command = Command::new(wrapper.into_iter().chain(words)).cwd(root);
    command.env.push(home.clone());
    let title = "fetching what the Gradle project needs".to_owned();
    let mut cache_key = String::from("gradle\n");
    for file in files
        .iter()
        .filter(|file| is_below(file, root) && !file.contains("src/test/") && !file.ends_with("gradlew"))
    {
        let text = project.read_text(file, LARGEST_SETTINGS)?.unwrap_or_default();
        cache_key.push_str(&format!("--- {file}\n{text}\n"));
    }
    Ok(InstallPlan { steps: vec![InstallStep { command, title, network: true }], env: vec![home], cache_key })
}

/// Writes the text `$1` into the file `$0` and runs what follows.
const WITH_SCRIPT: &str = r#"printf '%s' "$1" >"$0" && shift && exec "$@""#;

const CLASSPATHS_TASK: &str = "flakyTestClasspaths";

/// A task that needs all that test tasks run with. What it is asked at execution must not mention the project: newer
/// versions keep tasks without theirs.
const ALL_CLASSPATHS: &str = "allprojects { one ->
  one.tasks.create('flakyTestClasspaths') {
    def all = one.files({ one.tasks.withType(Test).collect { it.classpath } })
    inputs.files(all)
    doLast { all.files.size() }
  }
}
";

/// A script of ours, because properties of the command line do not reach the process that runs tests. It makes every
/// test task run even if Gradle thinks that it did already, and hands seed and order on as configuration of JUnit 5;
/// what the build itself sets comes later and stays. There is no daemon, which would outlive the attempt.
pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    let Some(arguments) = arguments(&command.argv) else {
        return Instrumented { command, support_files: Vec::new() };
    };
    let mut ours = vec!["--init-script".to_owned(), format!("{}/{SCRIPT}", context.support_dir)];
    if !command.argv.iter().any(|word| word == "--daemon" || word == "--no-daemon") {
        ours.push("--no-daemon".to_owned());
    }
    command.argv.splice(arguments..arguments, ours);
    let content = script(context).into_bytes();
    Instrumented { command, support_files: vec![SupportFile { path: SCRIPT.to_owned(), content }] }
}

fn script(context: &AttemptContext) -> String {
    let mut properties = vec![("junit.jupiter.execution.order.random.seed", context.seed.to_string())];
    if context.shuffle {
        let order = |name: &str| format!("org.junit.jupiter.api.{name}Orderer$Random");
        properties.push(("junit.jupiter.testmethod.order.default", order("Method")));
        properties.push(("junit.jupiter.testclass.order.default", order("Class")));
    }
    // Single quotes: `$` has no meaning in them.
    let lines: Vec<_> =
        properties.iter().map(|(name, value)| format!("    systemProperty '{name}', '{value}'\n")).collect();
    format!(
        "allprojects {{\n  tasks.withType(Test) {{\n    outputs.upToDateWhen {{ false }}\n    outputs.cacheIf {{ false }}\n{}  }}\n}}\n",
        lines.concat()
    )
}

/// The project's own wrapper, where it has one.
fn gradle(files: &[String], root: &str) -> &'static str {
    let wrapper = if root.is_empty() { "gradlew".to_owned() } else { format!("{root}/gradlew") };
    if files.contains(&wrapper) { "./gradlew" } else { "gradle" }
}

fn is_script(file: &str) -> bool {
    let name = base_name(file);
    let name = name.strip_suffix(".kts").unwrap_or(name);
    matches!(name, "build.gradle" | "settings.gradle")
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn is_below(path: &str, root: &str) -> bool {
    root.is_empty() || path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    fn words(command: &str) -> Vec<String> {
        command.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn every_usual_way_to_run_tests_is_known() {
        let cases = [
            ("gradle test", Some(1)),
            ("./gradlew :core:test --info", Some(1)),
            ("./gradlew check", Some(1)),
            ("A=b ./gradlew integrationTest", Some(2)),
            ("gradle assemble", None),
            ("gradle testClasses", None),
            ("gradle", None),
            ("mvn test", None),
        ];
        for (command, expected) in cases {
            assert_eq!(arguments(&words(command)), expected, "{command}");
        }
    }

    #[test]
    fn modules_belong_to_the_build_above_them() {
        let files = Files::default()
            .file("settings.gradle.kts", "")
            .file("core/build.gradle.kts", "")
            .file("core/src/test/kotlin/T.kt", "")
            .file("gradlew", "");
        let found = detect(&files.project()).unwrap();
        let found: Vec<_> =
            found.iter().map(|f| (f.root.as_str(), f.default_command.argv.join(" "))).collect();
        assert_eq!(found, [("", "./gradlew test".to_owned())]);
    }

    #[test]
    fn an_installation_asks_for_what_tests_run_with() {
        let files = Files::default().file("app/build.gradle", "").file("app/gradlew", "");
        let plan = install(&files.project(), "app", "/env").unwrap();
        let argv = plan.steps[0].command.argv.clone();
        assert_eq!(argv[3], "/env/flaky.init.gradle");
        let script = "--no-daemon --quiet --init-script /env/flaky.init.gradle";
        assert_eq!(argv[5..].join(" "), format!("./gradlew {script} {CLASSPATHS_TASK}"));
        assert!(argv[4].contains(CLASSPATHS_TASK));
    }

    #[test]
    fn seed_and_order_reach_the_tests_by_a_script() {
        let context = AttemptContext {
            index: 0,
            seed: 7,
            report_dir: "/report".to_owned(),
            support_dir: "/support".to_owned(),
            shuffle: true,
            workers: None,
        };
        let instrumented = instrument(Command::new(["gradle", "test"]), &context);
        let argv = instrumented.command.argv;
        assert_eq!(argv, ["gradle", "--init-script", "/support/flaky.init.gradle", "--no-daemon", "test"]);
        let script = String::from_utf8(instrumented.support_files[0].content.clone()).unwrap();
        assert!(script.contains("'junit.jupiter.execution.order.random.seed', '7'"), "{script}");
        assert!(script.contains("MethodOrderer$Random"), "{script}");
    }
}
