//! Wrong input: each kind has its own message, exit code 2, and nothing was run.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use flaky_tests::Flaky;

/// What to type after `flaky`, and what standard error holds.
const ARGUMENTS: &[(&str, &[&str])] = &[
    ("run --runs 0 -- touch MARK", &["--runs", "Runs must be between 1 and 1000, not `0`"]),
    ("run --runs 1001 -- touch MARK", &["Runs must be between 1 and 1000, not `1001`"]),
    ("run --runs ten -- touch MARK", &["Runs must be a whole number between 1 and 1000, not `ten`"]),
    ("run --runs -1 -- touch MARK", &["-1"]),
    ("run --parallelism 0 -- touch MARK", &["Parallelism must be between 1 and 50, not `0`"]),
    ("run --parallelism 51 -- touch MARK", &["Parallelism must be between 1 and 50, not `51`"]),
    ("run --timeout 0 -- touch MARK", &["Timeout must be between 1 and 86400, not `0`"]),
    ("run --test-command ''", &["Test command is required"]),
    ("run --test-command '   '", &["Test command is required"]),
    ("run -- ''", &["Test command is required"]),
    ("run --test-command 'pytest \"tests'", &["quot"]),
    ("run --test-command pytest -- touch MARK", &["cannot be used with"]),
    ("run --seed 1 --first-seed 1 -- touch MARK", &["cannot be used with"]),
    (
        "run --first-seed 18446744073709551615 -- touch MARK",
        &["--first-seed 18446744073709551615", "no room"],
    ),
    ("run --isolation ful -- touch MARK", &["ful", "shared", "copy", "full"]),
    ("run --stop sometime -- touch MARK", &["sometime", "never"]),
    ("run --fail-on green -- touch MARK", &["green", "flaky", "broken", "never"]),
    ("run file:///srv/project -- touch MARK", &["`file://` is not fetched", "hint: give the folder itself"]),
    ("run 'ext::sh -c touch% MARK' -- touch MARK", &["transports that start a program are not used"]),
    ("run ext://host/x -- touch MARK", &["transports that start a program are not used"]),
    ("run -oProxyCommand=touch -- touch MARK", &["-o"]),
    ("run --upload-pack=touch -- touch MARK", &["--upload-pack"]),
    ("run ssh://-oProxyCommand=touch/x -- touch MARK", &["the host is missing or malformed"]),
    ("run ssh://git@host/-x -- touch MARK", &["the path is missing or malformed"]),
    ("run git://host/project -- touch MARK", &["not authenticated"]),
    ("run http://git.example.org/project -- touch MARK", &["plain `http://`"]),
    (
        "run https://me:secret@git.example.org/project -- touch MARK",
        &["credentials in the URL", "FLAKY_GIT_TOKEN"],
    ),
    ("run no-such-folder -- touch MARK", &["there is no such folder, and it is not a URL"]),
    ("run . --ref main -- touch MARK", &["`--ref` and `--commit` need the URL of a repository"]),
    ("run --config no-such.yml -- touch MARK", &["no-such.yml", "cannot read the configuration"]),
    ("run --env NOT_SET_ANYWHERE -- touch MARK", &["`--env NOT_SET_ANYWHERE`", "NAME=VALUE"]),
    ("run --plugin no-such.wasm -- touch MARK", &["no-such.wasm", "cannot be read"]),
    ("run --plugin builtin:pytset -- touch MARK", &["no bundled plugin `pytset`", "`pytest`"]),
    ("run --plugin ftp://host/x.wasm -- touch MARK", &["ftp://", "oci://"]),
    ("run --report json -- touch MARK", &["KIND=FILE"]),
    ("run --report yaml=x -- touch MARK", &["yaml", "there is no reporter `yaml`", "`markdown`"]),
    ("run --report json=/dev/null/out.json -- touch MARK", &["/dev/null/out.json", "cannot be written"]),
    ("run --report json=. -- touch MARK", &["it is a folder"]),
    ("run --report json=/proc/out.json -- touch MARK", &["/proc/out.json", "cannot be written"]),
    ("run --input no-such.json", &["no-such.json"]),
    ("run --nonsense", &["--nonsense"]),
    ("reproduce Not_A_Run", &["is not a run id"]),
    ("reproduce no-such-run", &["there is no run `no-such-run`", "hint:"]),
    ("help nonsense", &["there is no help on `nonsense`"]),
    ("nonsense", &["nonsense"]),
];

#[test]
fn a_wrong_argument_is_refused_by_name_before_anything_runs() {
    let flaky = Flaky::new();
    nothing_to_complain(ARGUMENTS.iter().map(|(args, said)| refused(&flaky, args, said)));
    a_message_of_its_own(ARGUMENTS.iter().map(|(args, said)| (*args, *said)));
}

/// File `.flaky-detector.yml`, and what standard error holds.
const CONFIGURATIONS: &[(&str, &[&str])] = &[
    ("rums: 20\n", &[".flaky-detector.yml:1:1:", "unknown key `rums`", "did you mean `runs`?"]),
    ("runs: ten\n", &[".flaky-detector.yml:1:7:", "whole number"]),
    ("timeout: 30\nruns: 0\n", &[".flaky-detector.yml:2:7:", "Runs must be between 1 and 1000"]),
    ("parallelism: 51\n", &[".flaky-detector.yml:1:14:", "Parallelism must be between 1 and 50"]),
    ("runs: [1, 2]\n", &[".flaky-detector.yml:1:7:", "found a list"]),
    ("runs: 1\nruns: 2\n", &[".flaky-detector.yml:2:1:", "given twice"]),
    ("test_command: pytest 'tests\n", &[".flaky-detector.yml:1:", "quot"]),
    ("isolation: ful\n", &["did you mean `full`?"]),
    ("- runs\n", &[".flaky-detector.yml:1:1:"]),
    ("runs: \"unclosed\n", &["invalid YAML"]),
];

#[test]
fn a_wrong_configuration_is_refused_with_file_line_and_column() {
    let flaky = Flaky::new();
    nothing_to_complain(CONFIGURATIONS.iter().map(|(text, said)| {
        std::fs::write(flaky.project().join(".flaky-detector.yml"), text).unwrap();
        refused(&flaky, "run -- touch MARK", said).map(|complaint| format!("{text}{complaint}"))
    }));
    a_message_of_its_own(CONFIGURATIONS.iter().map(|(text, said)| (*text, *said)));
}

#[test]
fn an_alias_bomb_and_a_configuration_of_ten_megabytes_are_refused_at_once() {
    let mut bomb = String::from("ignore_patterns: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let previous = format!("*a{}", level - 1);
        bomb.push_str(&format!("key{level}: &a{level} [{}]\n", [previous.as_str(); 10].join(", ")));
    }
    let long = format!("# {}\nruns: 1\n", "x".repeat(10 << 20));
    nothing_to_complain([(bomb, ".flaky-detector.yml"), (long, "is larger than")].map(|(text, said)| {
        let flaky = Flaky::new().file(".flaky-detector.yml", text);
        refused(&flaky, "run -- touch MARK", &[said])
    }));
}

/// The job file, and what standard error holds.
const JOBS: &[(&str, &[&str])] = &[
    ("{}", &["Repository URL is required"]),
    (r#"{"repo": "."}"#, &["Test command is required"]),
    (r#"{"repo": ".", "test_command": ""}"#, &["Test command is required"]),
    (r#"{"repo": ".", "test_command": "touch MARK", "runs": 0}"#, &["Runs must be between 1 and 1000"]),
    (
        r#"{"repo": ".", "test_command": "touch MARK", "runs": 4.7}"#,
        &["Runs must be between 1 and 1000", "4.7"],
    ),
    (
        r#"{"repo": ".", "test_command": "touch MARK", "parallelism": 51}"#,
        &["Parallelism must be between 1 and 50"],
    ),
    (
        r#"{"repo": ".", "test_command": "touch MARK", "rums": 3}"#,
        &["unknown key `rums`", "did you mean `runs`?"],
    ),
    (
        r#"{"repo": ".", "test_command": "touch MARK", "shard": "1/2"}"#,
        &["shard must be an object in the wire format"],
    ),
    (
        r#"{"repo": "-oProxyCommand=touch", "test_command": "touch MARK"}"#,
        &["Invalid repository URL", "starts with a dash"],
    ),
    (
        r#"{"repo": "file:///srv", "test_command": "touch MARK"}"#,
        &["Invalid repository URL", "`file://` is not fetched"],
    ),
    (
        r#"{"repo": ".", "test_command": "touch MARK", "ref": "--upload-pack=x"}"#,
        &["ref must be the name of a branch or tag"],
    ),
    ("[]", &["must be a JSON object"]),
    ("{", &["not valid JSON"]),
];

#[test]
fn a_wrong_job_file_is_refused_by_key() {
    let flaky = Flaky::new();
    nothing_to_complain(JOBS.iter().map(|(text, said)| {
        std::fs::write(flaky.project().join("job.json"), text).unwrap();
        refused(&flaky, "run --input job.json", said).map(|complaint| format!("{text}\n{complaint}"))
    }));
    let huge = File::create(flaky.project().join("job.json")).unwrap();
    huge.set_len(500 << 20).unwrap();
    nothing_to_complain([refused(&flaky, "run --input job.json", &["job.json", "larger than"])]);
}

#[test]
fn what_is_no_usable_plugin_is_refused_before_anything_runs() {
    let newer = component(&["flaky:plugin/plugin@0.2.0", "flaky:plugin/policy@0.2.0"]);
    let cases: &[(&[u8], &[&str])] = &[
        (b"", &["p.wasm", "the file is empty"]),
        (b"#!/bin/sh\ntouch MARK\n", &["is not a WebAssembly component", "does not begin as WebAssembly"]),
        (b"\0asm\x01\0\0\0", &["it is a core module", "hint:"]),
        (b"\0asm\x0d\0\x01\0\xff\xff", &["cannot be compiled"]),
        (&component(&[]), &["exports nothing of the plugin contract", "hint:"]),
        (&component(&["other:thing/api@1.0.0"]), &["exports nothing of the plugin contract"]),
        (&newer, &["0.2.0", "speaks 0.1.0", "hint: upgrade `flaky`"]),
    ];
    let flaky = Flaky::new();
    nothing_to_complain(cases.iter().map(|(bytes, said)| {
        std::fs::write(flaky.project().join("p.wasm"), bytes).unwrap();
        refused(&flaky, "run --plugin p.wasm -- touch MARK", said)
    }));
    let huge = File::create(flaky.project().join("p.wasm")).unwrap();
    huge.set_len(500 << 20).unwrap();
    let at_most = "is 500 MB, and a component may have at most 64";
    nothing_to_complain([
        refused(&flaky, "run --plugin p.wasm -- touch MARK", &[at_most]),
        refused(&flaky, "run --plugin . -- touch MARK", &["it is not a regular file"]),
    ]);
}

/// All complaints at once: a table with several wrong rows is mended in one go.
#[track_caller]
fn nothing_to_complain(complaints: impl IntoIterator<Item = Option<String>>) {
    let complaints: Vec<String> = complaints.into_iter().flatten().collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Refused with exit code 2, these words, nothing on standard output, and no attempt made; else what is wrong.
fn refused(flaky: &Flaky, args: &str, said: &[&str]) -> Option<String> {
    let mark = flaky.beside("touched");
    // Shared, so that an attempt could not hide what it did.
    let shared = if args.contains("--isolation") { "run " } else { "run --isolation shared " };
    let typed = args.replace("MARK", &mark.display().to_string()).replacen("run ", shared, 1);
    let ended = flaky.flaky(&typed);
    let on_one_line = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    let lacking: Vec<&&str> = said.iter().filter(|text| !on_one_line.contains(**text)).collect();
    let wrong = [
        ("exit code", ended.code != 2),
        ("something ran", mark.exists()),
        ("something on standard output", !ended.stdout.is_empty()),
        ("does not begin with `error: `", !ended.stderr.starts_with("error: ")),
        ("a panic", ended.stderr.contains("panicked")),
        ("a refused run left a record", runs_are_recorded(&flaky.state()).is_some()),
        ("a word is lacking", !lacking.is_empty()),
    ];
    let wrong: Vec<&str> = wrong.into_iter().filter(|(_, wrong)| *wrong).map(|(what, _)| what).collect();
    (!wrong.is_empty())
        .then(|| format!("=== {args:.200}: {wrong:?}, lacks {lacking:?}\n{}", ended.everything()))
}

fn runs_are_recorded(state: &Path) -> Option<()> {
    std::fs::read_dir(state.join("runs")).ok()?.next().map(drop)
}

/// Different mistakes do not read alike, except where they are the same mistake typed in another place.
fn a_message_of_its_own<'a>(cases: impl Iterator<Item = (&'a str, &'a [&'a str])>) {
    let mut by_message: BTreeMap<&[&str], Vec<&str>> = BTreeMap::new();
    for (case, said) in cases {
        by_message.entry(said).or_default().push(case);
    }
    for (said, cases) in by_message {
        let same = |a: &str| ["test-command", "-- ''", "ext:", "seed"].iter().any(|kind| a.contains(kind));
        assert!(cases.len() == 1 || cases.iter().all(|c| same(c)), "{cases:?} all say {said:?}");
    }
}

/// The smallest component that exports an empty instance under each of these names.
/// See the component model's `Binary.md`: section 5 holds instances, section 11 exports.
fn component(exports: &[&str]) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    if exports.is_empty() {
        return bytes;
    }
    // One instance, made of no exports.
    section(&mut bytes, 5, &[1, 1, 0]);
    let mut body = vec![u8::try_from(exports.len()).unwrap()];
    for name in exports {
        body.extend([0, u8::try_from(name.len()).unwrap()]);
        body.extend(name.bytes());
        // An instance, the first one, without a type of its own.
        body.extend([5, 0, 0]);
    }
    section(&mut bytes, 11, &body);
    bytes
}

fn section(bytes: &mut Vec<u8>, id: u8, body: &[u8]) {
    // A length below 128 is one byte of LEB128.
    bytes.extend([id, u8::try_from(body.len()).unwrap() & 0x7f]);
    assert!(body.len() < 128);
    bytes.extend(body);
}
