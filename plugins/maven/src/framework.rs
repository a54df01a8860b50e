//! How Maven projects are found, installed, seeded and selected from.

mod detect;
mod select;

use flaky_plugin_sdk::{AttemptContext, Command, Instrumented};

pub(crate) use detect::{detect, install};
pub(crate) use select::select;

/// What describes a project, and where its tests are.
pub(crate) const PROJECT_FILES: &[&str] =
    &["**/pom.xml", "**/mvnw", "**/.mvn/*", "**/src/test/**/*.{java,kt,groovy,scala}"];

/// Phases and goals that run tests.
const RUNS_TESTS: [&str; 9] = [
    "test",
    "prepare-package",
    "package",
    "pre-integration-test",
    "integration-test",
    "post-integration-test",
    "verify",
    "install",
    "deploy",
];

/// Tools that run the command after them.
const RUNNERS: [&str; 7] = ["env", "time", "timeout", "nice", "nohup", "xvfb-run", "stdbuf"];

/// Where the arguments of Maven begin, when it is called directly and runs tests.
pub(crate) fn arguments(argv: &[String]) -> Option<usize> {
    let at = argv.iter().position(|word| is_maven(word))?;
    let is_runner = |word: &String| RUNNERS.contains(&base_name(word));
    // What stands before Maven is a runner with its options, or assignments.
    let reaches = at == 0 || argv.first().is_some_and(|word| is_runner(word) || word.contains('='));
    let rest = argv.get(at + 1..)?;
    let runs = rest.iter().any(|word| {
        RUNS_TESTS.contains(&word.as_str()) || word.ends_with("surefire:test") || word.contains("failsafe:")
    });
    (reaches && runs).then_some(at + 1)
}

/// Whether Maven runs tests in the command.
pub(crate) fn recognises(argv: &[String]) -> bool {
    arguments(argv).is_some()
}

fn is_maven(word: &str) -> bool {
    matches!(base_name(word), "mvn" | "mvnw" | "mvnd" | "mvn.cmd" | "mvnw.cmd")
}

fn base_name(word: &str) -> &str {
    word.rsplit(['/', '\\']).next().unwrap_or(word)
}

/// The variable that names the repository of an installation.
pub(crate) const REPOSITORY: &str = "FLAKY_MAVEN_REPOSITORY";

/// The option that names a repository.
pub(crate) const REPOSITORY_OPTION: &str = "-Dmaven.repo.local=";

/// Where the repository is, is known to the environment of attempts alone.
const IN_REPOSITORY: &str = r#"if [ -n "$FLAKY_MAVEN_REPOSITORY" ]; then
  set -- "$@" "-Dmaven.repo.local=$FLAKY_MAVEN_REPOSITORY"
fi
exec "$@""#;

/// Seeds and order by properties, which Surefire hands on to the tests: JUnit 5 takes them as configuration, and what
/// the author set in the command stays. Reports are written by Surefire itself.
pub(crate) fn instrument(mut command: Command, context: &AttemptContext) -> Instrumented {
    if arguments(&command.argv).is_some() {
        let seed = context.seed.to_string();
        let mut properties = vec![("junit.jupiter.execution.order.random.seed", seed.as_str())];
        if context.shuffle {
            properties.extend([
                ("junit.jupiter.testmethod.order.default", "org.junit.jupiter.api.MethodOrderer$Random"),
                ("junit.jupiter.testclass.order.default", "org.junit.jupiter.api.ClassOrderer$Random"),
                ("surefire.runOrder", "random"),
                // Since 3.0; versions before take a seed of their own.
                ("surefire.runOrder.random.seed", seed.as_str()),
            ]);
        }
        for (name, value) in properties {
            let option = format!("-D{name}=");
            if !command.argv.iter().any(|word| word.starts_with(&option)) {
                command.argv.push(format!("{option}{value}"));
            }
        }
        if !command.argv.iter().any(|word| word.starts_with(REPOSITORY_OPTION)) {
            let wrapper = ["sh", "-c", IN_REPOSITORY, "sh"].map(str::to_owned);
            command.argv.splice(0..0, wrapper);
        }
    }
    Instrumented { command, support_files: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &str) -> Vec<String> {
        command.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn every_usual_way_to_run_tests_is_known() {
        let cases = [
            ("mvn test", Some(1)),
            ("./mvnw -B -pl core verify", Some(1)),
            ("env A=b mvn -q test", Some(3)),
            ("timeout 60 mvn surefire:test", Some(3)),
            ("mvn compile", None),
            ("mvn", None),
            ("echo mvn test", None),
            ("gradle test", None),
        ];
        for (command, expected) in cases {
            assert_eq!(arguments(&words(command)), expected, "{command}");
        }
    }

    #[test]
    fn the_authors_own_seed_and_order_stay() {
        let context = AttemptContext {
            index: 0,
            seed: 7,
            report_dir: "/report".to_owned(),
            support_dir: "/support".to_owned(),
            shuffle: true,
            workers: None,
        };
        let given = "mvn test -Djunit.jupiter.execution.order.random.seed=1 -Dsurefire.runOrder=alphabetical";
        let command = instrument(Command::new(given.split(' ')), &context).command;
        let seeds: Vec<_> = command.argv.iter().filter(|word| word.contains("random.seed=")).collect();
        assert_eq!(
            seeds,
            ["-Djunit.jupiter.execution.order.random.seed=1", "-Dsurefire.runOrder.random.seed=7"]
        );
        assert!(!command.argv.contains(&"-Dsurefire.runOrder=random".to_owned()));
    }

    #[test]
    fn the_authors_own_repository_stays() {
        let context = AttemptContext {
            index: 0,
            seed: 7,
            report_dir: "/report".to_owned(),
            support_dir: "/support".to_owned(),
            shuffle: false,
            workers: None,
        };
        let first = |given: &str| instrument(Command::new(given.split(' ')), &context).command.argv.remove(0);
        assert_eq!(first("mvn test"), "sh");
        assert_eq!(first("mvn -Dmaven.repo.local=/mine test"), "mvn");
        assert_eq!(first("make test"), "make");
    }
}
