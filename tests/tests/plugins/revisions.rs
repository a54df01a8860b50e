//! A pull request's checkout: what its base's file says counts, with the base's own components.

use std::path::{Path, PathBuf};
use std::process::Command;

use flaky_core::report::RunReport;
use flaky_tests::{Ended, Flaky, Origin};

use crate::trust::{guest, ignored, is_used, other};

fn git(folder: &Path, args: &[&str]) -> String {
    let author = ["user.name=Test", "user.email=test@example.org", "commit.gpgsign=false"];
    let output = Command::new("git")
        .args(author.iter().flat_map(|setting| ["-c", setting]))
        .args(args)
        .current_dir(folder)
        .env("GIT_SSL_NO_VERIFY", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

const BASE: &str = "runs: 2\nenv: {PLANTED: base}\nplugins:\n  - source: rules.wasm\n";

/// What a pull request changes: files, by name and content.
type Change = Vec<(&'static str, Vec<u8>)>;

/// A repository whose `main` names a plugin, and a branch on it.
struct PullRequest {
    flaky: Flaky,
    base: String,
}

impl PullRequest {
    fn new(change: &Change) -> Self {
        let flaky = Flaky::new().file("rules.wasm", guest()).file(".flaky-detector.yml", BASE);
        let folder = flaky.project();
        git(&folder, &["init", "--quiet", "--initial-branch", "main"]);
        commit(&folder, "base");
        let base = git(&folder, &["rev-parse", "HEAD"]);
        git(&folder, &["checkout", "--quiet", "-b", "change"]);
        for (name, bytes) in change {
            match bytes.is_empty() {
                true => std::fs::remove_file(folder.join(name)).unwrap(),
                false => std::fs::write(folder.join(name), bytes).unwrap(),
            }
        }
        commit(&folder, "change");
        Self { flaky, base }
    }

    /// In a job of a pull request to `main` of this repository.
    fn in_job(mut self, server: &str) -> Self {
        self.flaky = job(self.flaky, server, &self.base);
        self
    }
}

fn commit(folder: &Path, message: &str) {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--allow-empty", "--message", message]);
}

fn job(flaky: Flaky, server: &str, base: &str) -> Flaky {
    let event = flaky.beside("event.json");
    std::fs::write(&event, format!(r#"{{"pull_request": {{"base": {{"sha": "{base}"}}}}}}"#)).unwrap();
    flaky
        .env("CI", "true")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_EVENT_PATH", event)
        .env("GITHUB_SERVER_URL", server)
        .env("GITHUB_REPOSITORY", "shop")
        .env("GITHUB_BASE_REF", "main")
        .env("GITHUB_SHA", "0".repeat(40))
}

/// A command that prints something, so that parsers are asked.
fn run(flaky: &Flaky) -> Ended {
    flaky.run("-- sh -c 'echo \"$PLANTED\"'")
}

fn used(report: &RunReport) -> &flaky_core::report::PluginReport {
    report.plugins.iter().find(|plugin| plugin.name == "hostile").unwrap()
}

#[test]
fn a_pull_request_that_changes_plugins_grants_digest_or_reporters_is_not_trusted_until_approved() {
    let as_it_was = run(&PullRequest::new(&Vec::new()).in_job("https://127.0.0.1:9").flaky);
    assert!(is_used(&as_it_was.report()), "{}", as_it_was.everything());
    let ignores = |report: &RunReport| report.notes.iter().any(|note| note.code == "setting-ignored");
    assert!(!ignores(&as_it_was.report()), "{:#?}", as_it_was.report().notes);
    let digest = used(&as_it_was.report()).sha256.clone();
    let file = |text: &str| (".flaky-detector.yml", text.as_bytes().to_vec());
    let line = ".flaky-detector.yml:3:1: `plugins` of this revision is not trusted: that of `main` (";
    for (change, said) in [
        (vec![file(&BASE.replace("rules.wasm", "mine.wasm")), ("mine.wasm", other(guest(), b'm'))], line),
        (vec![file(&format!("{BASE}    grants: [commands]\n"))], line),
        (vec![file(&format!("{BASE}    sha256: {}\n", "0".repeat(64)))], line),
        (
            vec![("rules.wasm", other(guest(), b'c'))],
            "`rules.wasm` is not used: this revision's file is another one",
        ),
        (vec![("rules.wasm", Vec::new())], ""),
        (vec![file("runs: 2\n")], "`plugins` is not there, and this revision of the file is not trusted"),
        (vec![(".flaky-detector.yml", Vec::new())], "`env` is not there"),
        (
            vec![file(&format!("{BASE}reporters: [slack]\n"))],
            ".yml:5:1: `reporters` of this revision is not trusted",
        ),
        (
            vec![file(&BASE.replace("PLANTED: base", "PLANTED: head"))],
            ".yml:2:1: `env` of this revision is not trusted",
        ),
    ] {
        let ended = run(&PullRequest::new(&change).in_job("https://127.0.0.1:9").flaky);
        let report = ended.report();
        assert!(is_used(&report), "{said}\n{}", ended.everything());
        assert_eq!(used(&report).sha256, digest, "the base's own bytes: {said}");
        assert_eq!(used(&report).granted, [""; 0], "{said}");
        if !said.is_empty() {
            ignored(&ended, said);
            assert!(ended.stderr.contains(said), "{}", ended.everything());
        }
    }
    // The user, or a step of the trusted workflow, approves what the pull request asks for.
    let change = vec![file(&format!("{BASE}    grants: [commands]\n")), ("rules.wasm", other(guest(), b'c'))];
    let pull = PullRequest::new(&change).in_job("https://127.0.0.1:9");
    let flaky = pull.flaky.approved();
    let ended = run(&flaky);
    let report = ended.report();
    assert!(is_used(&report), "{}", ended.everything());
    assert_ne!(used(&report).sha256, digest);
    assert_eq!(used(&report).granted, ["commands"]);
}

/// A repository `shop` behind TLS, and clones beside the folders of a test.
struct Served {
    origin: Origin,
    clones: Flaky,
}

impl Served {
    fn new() -> Self {
        let origin = Origin::new();
        let _ = origin.repository("shop", &[(".flaky-detector.yml", BASE)]);
        let served = Self { origin, clones: Flaky::new() };
        served.add_plugin("shop", guest());
        served
    }

    /// By a clone and a push: the served repository takes files by commits alone.
    fn add_plugin(&self, name: &str, component: Vec<u8>) {
        let folder = self.clone(name, &format!("work-{name}"), &[]);
        std::fs::write(folder.join("rules.wasm"), component).unwrap();
        commit(&folder, "plugin");
        let bare = self.origin.git(name, &["rev-parse", "--show-toplevel"]);
        git(Path::new(&bare), &["config", "receive.denyCurrentBranch", "updateInstead"]);
        git(&folder, &["push", "--quiet", &bare, "HEAD:main"]);
        git(Path::new(&bare), &["checkout", "--quiet", "-B", "change"]);
        let changed = BASE.replace("PLANTED: base", "PLANTED: head");
        std::fs::write(Path::new(&bare).join(".flaky-detector.yml"), changed).unwrap();
        std::fs::write(Path::new(&bare).join("rules.wasm"), other(guest(), b'h')).unwrap();
        commit(Path::new(&bare), "change");
        git(Path::new(&bare), &["checkout", "--quiet", "main"]);
    }

    fn clone(&self, name: &str, to: &str, more: &[&str]) -> PathBuf {
        let (folder, url) = (self.clones.beside(to), self.origin.url(name));
        let args = [&["clone", "--quiet"][..], more, &[url.as_str(), folder.to_str().unwrap()]].concat();
        git(&self.clones.beside("tmp"), &args);
        folder
    }
}

#[test]
fn of_a_checkout_of_depth_one_and_of_a_forks_the_base_is_fetched_from_the_jobs_own_repository() {
    let served = Served::new();
    // The fork's `main` is another's: it must not be taken for the base.
    let _ = served.origin.repository(
        "fork",
        &[(".flaky-detector.yml", "runs: 2\nenv: {PLANTED: fork}\nplugins: [rules.wasm]\n")],
    );
    served.add_plugin("fork", other(guest(), b'f'));
    let server = served.origin.url("shop");
    let server = server.strip_suffix("/shop.git").unwrap();
    let base = "1".repeat(40);
    let digest = {
        let flaky = Flaky::new().file("rules.wasm", guest()).file(".flaky-detector.yml", BASE).approved();
        used(&run(&flaky).report()).sha256.clone()
    };
    for (name, more) in [
        ("shop", &["--depth", "1", "--branch", "change"][..]),
        ("fork", &["--depth", "1", "--branch", "change"]),
        ("fork", &["--branch", "change"]),
    ] {
        let folder = served.clone(name, &format!("checkout-{name}-{}", more.len()), more);
        let flaky = job(Flaky::new(), server, &base).env("SSL_CERT_FILE", served.origin.certificate());
        let command = format!("{} -- sh -c 'echo \"$PLANTED\"'", folder.display());
        let ended = flaky.run(&command);
        let report = ended.report();
        assert!(is_used(&report), "{name} {more:?}\n{}", ended.everything());
        assert_eq!(used(&report).sha256, digest, "{name} {more:?}");
        ignored(&ended, "`env` of this revision is not trusted: that of `main` (");

        // Where the base cannot be had, nothing of the file counts that could run or load something.
        let flaky = job(Flaky::new(), "https://127.0.0.1:9", &base);
        let ended = flaky.run(&command);
        let report = ended.report();
        assert!(!is_used(&report), "{}", ended.everything());
        ignored(&ended, "`plugins` is ignored: this revision of the file is not trusted");
        let missing = report.notes.iter().any(|note| note.code == "trusted-revision-missing");
        assert!(missing, "{:#?}", report.notes);
    }
}

#[test]
fn the_revision_that_somebody_names_counts_in_place_of_the_folders_own_file() {
    let change = vec![(".flaky-detector.yml", BASE.replace("PLANTED: base", "PLANTED: head").into_bytes())];
    let pull = PullRequest::new(&change);
    let ended = pull.flaky.run("--trusted-ref main -- sh -c 'echo \"$PLANTED\"'");
    assert!(is_used(&ended.report()), "{}", ended.everything());
    ignored(&ended, "`env` of this revision is not trusted: that of `main` (");
    let ended = pull.flaky.run("--trusted-ref no-such-branch -- true");
    assert!(!is_used(&ended.report()));
    ignored(&ended, "`env` is ignored");
}
