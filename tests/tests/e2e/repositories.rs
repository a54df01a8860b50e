//! Sources that are fetched: a branch, a commit, and what a repository's own file may not decide.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use flaky_core::verdict::{Category, Cause};
use flaky_tests::{Flaky, place, python};
use tempfile::TempDir;

/// A repository with a branch `main` of two commits (its test fails in the first) and a branch `broken`.
struct Repository {
    folder: TempDir,
    server: Child,
    url: String,
}

impl Repository {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (server, port) = serve(folder.path());
        let this = Self { folder, server, url: format!("http://127.0.0.1:{port}/shop.git") };
        std::fs::create_dir(this.path()).unwrap();
        this.git(&["init", "--quiet", "--initial-branch", "main"]);
        this.commit("test_shop.py", "def test_shop():\n    assert False, 'not yet mended'\n");
        this.commit("test_shop.py", "def test_shop():\n    assert True\n");
        this.git(&["checkout", "--quiet", "-b", "broken"]);
        this.commit("test_shop.py", "def test_shop():\n    assert False, 'broken on a branch'\n");
        this.git(&["checkout", "--quiet", "main"]);
        this
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("shop.git")
    }

    fn commit(&self, file: &str, text: &str) {
        std::fs::write(self.path().join(file), text).unwrap();
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--message", "change"]);
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"])
            .args(args)
            .current_dir(self.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        // The end of its standard input tells the server to go.
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

fn serve(folder: &Path) -> (Child, u16) {
    let script = place::repository().join("tests/fixtures/git_http_server.py");
    let mut command = Command::new(python::bin().join("python3"));
    command.arg(script).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (server, line.trim().parse().unwrap())
}

#[test]
fn a_branch_and_a_commit_of_a_repository_are_tested_as_asked_for() {
    let repository = Repository::new();
    let url = &repository.url;
    let (main, broken, first) = (
        repository.git(&["rev-parse", "main"]),
        repository.git(&["rev-parse", "broken"]),
        repository.git(&["rev-parse", "main~1"]),
    );
    let flaky = Flaky::new();
    for (args, commit, verdict, code) in [
        (String::new(), &main, Category::Stable, 0),
        ("--ref main".into(), &main, Category::Stable, 0),
        ("--ref broken".into(), &broken, Category::Broken, 11),
        (format!("--commit {first}"), &first, Category::Broken, 11),
        (format!("--ref main --commit {first}"), &first, Category::Broken, 11),
    ] {
        let ended = flaky.run(&format!("{url} {args} --runs 14 -- pytest"));
        let report = ended.report();
        assert_eq!((report.verdict, ended.code), (verdict, code), "{args}\n{}", ended.everything());
        assert_eq!((report.subject.commit.as_ref(), &report.subject.source), (Some(commit), url), "{args}");
        if verdict == Category::Broken {
            // What was fetched is fetched again.
            let again = flaky.flaky(&format!("reproduce {} --repeat 2", report.run)).exits(10);
            let _ = again.says("failed 2 of 2").says(if args.contains("broken") {
                "broken on a branch"
            } else {
                "not yet mended"
            });
        }
    }
}

#[test]
fn a_branch_or_a_commit_that_is_not_there_is_inconclusive() {
    let repository = Repository::new();
    let broken = repository.git(&["rev-parse", "broken"]);
    for args in [
        "--ref no-such-branch".to_owned(),
        format!("--commit {}", "0".repeat(40)),
        // It is there, and not part of the branch.
        format!("--ref main --commit {broken}"),
    ] {
        let ended = Flaky::new().run(&format!("{} {args} --runs 14 -- pytest", repository.url)).exits(12);
        let report = ended.report();
        assert_eq!(report.cause, Some(Cause::RepositoryUnreachable), "{args}\n{}", ended.everything());
        assert_eq!((report.severity, report.total_runs), (None, 0), "{args}");
    }
}

#[test]
fn the_file_of_a_fetched_repository_decides_no_commands_variables_or_plugins_and_it_is_said() {
    let repository = Repository::new();
    repository.commit(
        ".flaky-detector.yml",
        "runs: 3\ntest_command: sh -c 'exit 1'\nenv: {PLANTED: \"1\"}\nplugins: [./evil.wasm]\n",
    );
    let script = "sh -c 'test -z \"$PLANTED\"'";
    let ended = Flaky::new().run(&format!("{} -- {script}", repository.url));
    let report = ended.report();
    assert_eq!((report.total_runs, report.failures), (3, 0), "{}", ended.everything());
    for key in ["test_command", "env", "plugins"] {
        let told =
            report.notes.iter().any(|n| n.code == "setting-ignored" && n.text.contains(&format!("`{key}`")));
        assert!(told, "{key}: {:#?}", report.notes);
        assert!(ended.stderr.contains(&format!("`{key}`")), "{key}\n{}", ended.everything());
    }
}
