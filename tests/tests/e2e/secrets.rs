//! Our own secrets do not reach what is tested: not in the environment, and, at full isolation, not through `/proc`.

use std::fs;
use std::path::Path;

use flaky_tests::Flaky;

/// Names of variables that `flaky` and CI systems use; each gets a value of its own.
const SECRETS: [&str; 9] = [
    "RUNPOD_API_KEY",
    "RUNPOD_ENDPOINT_ID",
    "GITHUB_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_RUNTIME_URL",
    "SLACK_WEBHOOK_URL",
    "DISCORD_WEBHOOK_URL",
    "FLAKY_GIT_TOKEN",
];

/// Looks for canaries in everything that a test can read of any process, its own environment included, and fails,
/// so that what it found is told in the report.
const SEARCH: &str = r#"
import glob, re
found = set()
for pattern in ("/proc/*/environ", "/proc/*/cmdline", "/proc/*/task/*/environ"):
    for path in glob.glob(pattern):
        try:
            content = open(path, "rb").read()
        except OSError:
            continue
        found.update(re.findall(rb"canary-([a-z_]+)-[0-9]+", content))
print("found:", *sorted(name.decode() for name in found))
raise SystemExit(1)
"#;

fn with_secrets() -> Flaky {
    let flaky = Flaky::new().file("search.py", SEARCH);
    SECRETS.iter().fold(flaky, |flaky, name| flaky.env(name, canary(name)))
}

fn canary(name: &str) -> String {
    format!("canary-{}-{}", name.to_lowercase(), std::process::id())
}

#[test]
fn no_secret_of_ours_reaches_a_test_nor_a_file_that_is_kept() {
    let machine_allows_full = Flaky::new().flaky("doctor").stdout.contains("isolation: full\n");
    let flaky = with_secrets();
    // What is passed on by name shows that the search finds what is there.
    let passed = format!("--env CONTROL={} --env GITHUB_TOKEN", canary("control"));
    for (level, walls) in
        [("", machine_allows_full), ("--network shared", machine_allows_full), ("--isolation copy", false)]
    {
        let search = if walls { "python3 search.py" } else { "env" };
        let ended = flaky.run(&format!("{level} {passed} --runs 2 -- sh -c '{search}; exit 1'"));
        let told = ended.everything();
        let tail = ended.report().attempts.iter().filter_map(|a| a.output_tail.clone()).collect::<String>();
        if walls {
            assert!(
                tail.contains("found: control github_token\n")
                    || tail.ends_with("found: control github_token"),
                "{told}"
            );
        } else {
            assert!(tail.contains(&canary("control")) && tail.contains(&canary("github_token")), "{told}");
        }
        for secret in SECRETS.iter().filter(|name| **name != "GITHUB_TOKEN") {
            assert!(!tail.contains(&canary(secret)), "{secret} {level}\n{told}");
        }
        assert!(
            ended
                .report()
                .notes
                .iter()
                .any(|note| note.code == "variables-withheld" && note.text.contains("RUNPOD_API_KEY")),
            "{told}"
        );
    }
    // Nothing that is kept holds a value that was not passed on.
    let kept = everything_below(&flaky.beside("."));
    for secret in SECRETS.iter().filter(|name| **name != "GITHUB_TOKEN") {
        let holds = kept.iter().find(|(_, content)| content.contains(&canary(secret)));
        assert!(holds.is_none(), "{secret} is in {:?}", holds.map(|(path, _)| path));
    }
    assert!(kept.iter().any(|(path, _)| path.ends_with("journal.jsonl")), "journals were looked at");
}

fn everything_below(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            all.extend(everything_below(&path));
        } else {
            let content = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            all.push((path.display().to_string(), content));
        }
    }
    all
}
