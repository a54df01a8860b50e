//! From `flaky plugin new` to a plugin that decides a real run, in Python and JavaScript, by the commands of the guides.
//!
//! The tools that make components are installed once, by `.ci/sdks.py`; the SDK is the one that the program wrote into
//! the project.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use flaky_core::verdict::{Category, Severity};
use flaky_tests::{Flaky, ended, place, python};

/// Folder with `python` (a virtual environment) and `javascript` (with `node_modules`).
fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let target = place::binary().parent().unwrap().parent().unwrap().to_owned();
        let mut install = Command::new("python3");
        install.arg(place::repository().join(".ci/sdks.py")).arg("--tools").env("CARGO_TARGET_DIR", &target);
        assert!(install.status().unwrap().success(), "the tools cannot be installed");
        target.join("sdks")
    })
}

/// The commands of a guide that call `flaky`; what they install is there already.
fn commands(page: &str) -> Vec<String> {
    let block = page.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let commands = block.lines().filter_map(|line| line.strip_prefix("flaky "));
    commands.map(|line| line.split(" #").next().unwrap().trim().to_owned()).collect()
}

/// A suite with a test that fails for want of a server in every other attempt, and one that fails for a reason of its own.
const SUITE: &str = "import os\nodd = int(os.environ['TEST_SEED']) % 2\n\
    def test_server():\n    if odd: raise OSError('connect to db: Connection refused')\n\
    def test_sum():\n    assert not odd, 'wrong sum'\n";

/// Follows a guide: new, build, test, run.
fn follow(page: &str, flaky: &Flaky, bring: impl FnOnce(&Path)) {
    let commands = commands(page);
    let [new, build, test, run] = commands.as_slice() else { panic!("{commands:#?}") };
    let _ = flaky.flaky(new).exits(0).says("made `./infra-errors`, a policy");
    let project = flaky.project().join("infra-errors");
    bring(&project);
    let _ = flaky.flaky(build).exits(0).says("policy 0.1.0");
    let ended = flaky.flaky(test).exits(0).says("policy: database-away").says("checks hold");
    assert!(!ended.stdout.contains("FAILED"), "{}", ended.everything());
    let report = flaky.run(run.strip_prefix("run ").unwrap()).report();
    let server = ended::test(&report, "test_server");
    assert_eq!((server.decided_by.as_str(), server.verdict), ("infra-errors", Category::Flaky));
    assert_eq!(server.severity, Some(Severity::Low));
    assert_eq!(server.tags, [("cause".to_owned(), "infra".to_owned())]);
    assert_eq!(server.reason, "all 4 failures in 8 attempts are the infrastructure's");
    assert_eq!(ended::test(&report, "test_sum").decided_by, "statistical");
}

/// With pytest, and what builds.
fn author() -> Flaky {
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", python::bin().display());
    Flaky::new().env("PATH", path).file("test_shop.py", SUITE)
}

#[test]
fn the_guide_of_python_leads_to_a_policy_that_decides_a_real_run() {
    let flaky = author().env("VIRTUAL_ENV", tools().join("python"));
    let sdk = flaky.project().join("infra-errors/sdk/src");
    let flaky = flaky.env("PYTHONPATH", &sdk);
    follow(include_str!("../../../docs/plugins/python.md"), &flaky, |_| assert!(sdk.is_dir()));
}

#[test]
fn the_guide_of_javascript_leads_to_a_policy_that_decides_a_real_run() {
    let flaky = author();
    // What `npm install` makes: the packages, and a link to the SDK that came with the project.
    follow(include_str!("../../../docs/plugins/javascript.md"), &flaky, |project| {
        let modules = project.join("node_modules");
        fs::create_dir(&modules).unwrap();
        for entry in fs::read_dir(tools().join("javascript/node_modules")).unwrap() {
            let entry = entry.unwrap();
            symlink(entry.path(), modules.join(entry.file_name())).unwrap();
        }
        symlink("../sdk", modules.join("flaky-plugin-sdk")).unwrap();
    });
}

#[test]
fn a_project_whose_tools_are_not_installed_says_the_command_that_brings_them() {
    for (language, bring) in [
        ("python", "hint: python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"),
        ("js", "hint: npm install"),
    ] {
        for kind in ["policy", "parser", "reporter"] {
            let flaky = author();
            let _ = flaky.flaky(&format!("plugin new mine --kind {kind} --lang {language}")).exits(0);
            let _ = flaky.flaky("plugin build mine").exits(5).warns("`flaky-plugin-sdk`").warns(bring);
        }
    }
}
