//! From `flaky plugin new` to a plugin that decides a real run, in Rust.
//!
//! Everything that cargo needs is there already, because the workspace itself is built of it: nothing is fetched.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use boon::{Compiler, Schemas};
use flaky_core::verdict::{Category, Severity};
use flaky_tests::{Ended, Flaky, ended, place};
use serde_json::Value;

/// An author's machine: the toolchain that runs these tests, and one target folder for all of them.
fn author() -> Flaky {
    let cargo = PathBuf::from(env::var_os("CARGO").unwrap());
    let home = env::home_dir().unwrap();
    let folder = |variable: &str, usual: &str| env::var_os(variable).map_or(home.join(usual), PathBuf::from);
    // The toolchain's own programs, not those of rustup, which choose by the folder that they are called in.
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", cargo.parent().unwrap().display());
    Flaky::new()
        .env("PATH", path)
        .env("CARGO_HOME", folder("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", folder("RUSTUP_HOME", ".rustup"))
        .env("CARGO_TARGET_DIR", place::shared().join("authoring"))
        .env("CARGO_NET_OFFLINE", "true")
}

/// With a new project, built; the component stands in it.
fn made(name: &str, kind: &str) -> Flaky {
    let flaky = author();
    let _ = flaky
        .flaky(&format!("plugin new {name} --kind {kind} --lang rust"))
        .exits(0)
        .says(&format!("made `./{name}`"));
    let _ = flaky.flaky(&format!("plugin build {name}")).exits(0).says(&format!("{kind} 0.1.0"));
    assert!(flaky.project().join(name).join(format!("{name}.wasm")).is_file());
    flaky
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "`{}` holds `{from}`:\n{text}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// A document of the program's is what its published schema says.
#[track_caller]
fn fits(schema: &str, ended: &Ended) -> Value {
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let path = place::repository().join("docs/schema").join(schema);
    let mut schemas = Schemas::new();
    let index = Compiler::new()
        .compile(&path.display().to_string(), &mut schemas)
        .unwrap_or_else(|e| panic!("{e:#}"));
    if let Err(error) = schemas.validate(&document, index) {
        panic!("{error:#}\n{document:#}");
    }
    document
}

#[test]
fn the_example_in_rust_builds_and_holds() {
    let flaky = author().with_copy_of(&place::repository().join("examples/plugins/infrastructure"));
    let sdk = place::repository().join("plugins/sdk");
    edit(&flaky.project().join("Cargo.toml"), "../../../plugins/sdk", &sdk.display().to_string());
    let _ = flaky.flaky("plugin build").exits(0).says("policy 0.1.0");
    let ended = flaky.flaky("plugin test").exits(0).says("policy: database-away").says("checks hold");
    assert!(!ended.stdout.contains("FAILED"), "{}", ended.everything());
}

#[test]
fn a_new_policy_holds_and_decides_a_real_run() {
    let flaky = made("infra-errors", "policy");
    let ended =
        flaky.flaky("plugin test infra-errors").exits(0).says("policy: database-away").says("checks hold");
    assert!(!ended.stdout.contains("FAILED"), "{}", ended.everything());

    let seen = flaky.flaky("plugin inspect infra-errors/infra-errors.wasm --json").exits(0);
    let seen = fits("plugin.schema.json", &seen);
    assert_eq!(seen["roles"], serde_json::json!([{ "name": "policy", "contract": "0.1.0" }]));
    assert_eq!(seen["manifest"]["name"], "infra-errors");
    assert!(seen["manifest"]["settings_schema"]["properties"]["words"].is_object(), "{seen:#}");
    assert_eq!(seen["refused"], Value::Null);
    let imports = seen["imports"].as_array().unwrap();
    assert!(imports.iter().all(|i| i.as_str().unwrap().starts_with("flaky:plugin/")), "{imports:?}");

    let figures = flaky.flaky("plugin bench infra-errors/infra-errors.wasm --json").exits(0);
    let figures = fits("plugin-figures.schema.json", &figures);
    assert_eq!(figures["calls"][1]["input"], "1,000 tests");
    assert!(figures["calls"][1]["memory"].as_u64().unwrap() > 0, "{figures:#}");

    // One test fails for want of a server in every other attempt, another for a reason of its own.
    let flaky = flaky.file(
        "test_shop.py",
        "import os\nodd = int(os.environ['TEST_SEED']) % 2\n\
         def test_server():\n    if odd: raise OSError('connect to db: Connection refused')\n\
         def test_sum():\n    assert not odd, 'wrong sum'\n",
    );
    let flaky = flaky.env("PATH", path_with_pytest());
    let report = flaky
        .run("--plugin infra-errors/infra-errors.wasm --first-seed 1 --runs 8 -- pytest test_shop.py")
        .report();
    let server = ended::test(&report, "test_server");
    assert_eq!((server.decided_by.as_str(), server.verdict), ("infra-errors", Category::Flaky));
    assert_eq!(server.severity, Some(Severity::Low));
    assert!(server.tags.contains(&("cause".to_owned(), "infra".to_owned())), "{:?}", server.tags);
    assert_eq!(server.reason, "all 4 failures in 8 attempts are the infrastructure's");
    assert_eq!(ended::test(&report, "test_sum").decided_by, "statistical");
}

/// As in every other test.
fn path_with_pytest() -> String {
    format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", flaky_tests::python::bin().display())
}

#[test]
fn a_new_parser_holds_and_reads_a_real_run() {
    let flaky = made("pass-lines", "parser");
    let ended =
        flaky.flaky("plugin test pass-lines").exits(0).says("parser: one-fails").says("parser: 100 MB");
    assert!(!ended.stdout.contains("FAILED"), "{}", ended.everything());
    let flaky = flaky.file("tests.sh", "echo PASS sums\necho 'FAIL rounding: 1 != 2'\necho DONE\nexit 1\n");
    let report = flaky
        .run("--plugin pass-lines/pass-lines.wasm --no-install --runs 14 -- sh tests.sh")
        .exits(11)
        .report();
    assert_eq!(report.subject.parser.as_deref(), Some("pass-lines"));
    assert_eq!(ended::test(&report, "sums").verdict, Category::Stable);
    let broken = ended::test(&report, "rounding");
    assert_eq!((broken.verdict, broken.failure_groups[0].message.as_str()), (Category::Broken, "1 != 2"));
}

#[test]
fn a_new_reporter_holds_and_tells_a_real_run() {
    let flaky = made("csv-table", "reporter");
    let ended =
        flaky.flaky("plugin test csv-table").exits(0).says("reporter: one-flaky-test").says("checks hold");
    assert!(!ended.stdout.contains("FAILED"), "{}", ended.everything());
    let run = "--plugin csv-table/csv-table.wasm --report csv-table=tests.csv --no-install --runs 14 -- true";
    let _ = flaky.run(run).exits(0);
    let table = fs::read_to_string(flaky.project().join("tests.csv")).unwrap();
    assert_eq!(table, "test,verdict,failures,ran\r\n\"true\",stable,0,14\r\n");
}

#[test]
fn what_a_case_expects_otherwise_is_named_and_can_be_written() {
    let flaky = made("changed-lines", "parser");
    let case = flaky.project().join("changed-lines/tests/one-fails");
    let expected = case.join("expected.json");
    let before = fs::read_to_string(&expected).unwrap();
    edit(&expected, "\"outcome\": \"failed\"", "\"outcome\": \"skipped\"");
    let test = "plugin test changed-lines/changed-lines.wasm --no-conformance";
    let _ = flaky
        .flaky(test)
        .exits(5)
        .says("FAILED parser: one-fails")
        .says("tests[1].outcome: expected \"skipped\", got \"failed\"")
        .says("1 of 1 checks failed");
    let _ = flaky.flaky(&format!("{test} --bless")).exits(0).says("1 expectations written");
    let _ = flaky.flaky(test).exits(0);
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(&fs::read_to_string(&expected).unwrap()), json(&before));

    // What the input says counts, and a case without an input is none.
    edit(&case.join("stdout"), "FAIL rounding: 1.005 != 1.01", "PASS rounding");
    let _ = flaky.flaky(test).exits(5).says("tests[1].outcome: expected \"failed\", got \"passed\"");
    fs::create_dir(flaky.project().join("changed-lines/tests/nothing")).unwrap();
    let _ = flaky.flaky(test).exits(2).warns("is no case: it has no input");
}

#[test]
fn a_project_that_does_not_compile_ends_with_what_the_compiler_says() {
    let flaky = author();
    let _ = flaky.flaky("plugin new does-not-compile --kind policy --lang rust").exits(0);
    edit(&flaky.project().join("does-not-compile/src/lib.rs"), "Ok(batch", "Okay(batch");
    let _ =
        flaky.flaky("plugin build does-not-compile").exits(5).warns("Okay").warns("error: `").warns("failed");
    let _ = flaky
        .file("empty/readme", "")
        .flaky("plugin build empty")
        .exits(2)
        .warns("is no project of a plugin");
}

#[test]
fn nothing_is_overwritten_and_names_are_those_of_the_contract() {
    let flaky = Flaky::new().file("mine/precious", "x");
    let new = |name: &str| flaky.flaky(&format!("plugin new {name} --kind policy --lang rust"));
    let _ = new("mine").exits(2).warns("`./mine` is there already, and nothing is overwritten");
    assert_eq!(fs::read_dir(flaky.project().join("mine")).unwrap().count(), 1);
    for name in ["Mine", "../mine", "my_own", "9lives"] {
        let _ = new(name).exits(2).warns("is no name of a plugin");
    }
    let _ = flaky.flaky("plugin new x --kind plugin --lang rust").exits(2).warns("policy, parser, reporter");
}

#[test]
fn a_component_that_is_refused_is_shown_with_the_reason() {
    let flaky = Flaky::new();
    for (guest, why) in [
        ("version-2", "0.2.0"),
        ("only-plugin", "no role"),
        ("foreign", "which plugins do not get"),
        ("describe-panic", "as asked for"),
    ] {
        let path = place::guest(guest);
        let seen = flaky.flaky(&format!("plugin inspect {} --json", path.display())).exits(0);
        let seen = fits("plugin.schema.json", &seen);
        let refused = seen["refused"]["why"].as_str().unwrap();
        assert!(refused.contains(why), "{guest}: {refused}");
        assert_eq!(seen["size"].as_u64().unwrap(), fs::metadata(&path).unwrap().len());
        let _ = flaky.flaky(&format!("plugin inspect {}", path.display())).exits(0).says("refused");
        let _ = flaky.flaky(&format!("plugin test {}", path.display())).exits(5).warns(why);
    }
    let newer = flaky.flaky(&format!("plugin inspect {}", place::guest("version-2").display())).exits(0);
    let _ = newer.says("(contract 0.2.0)").says("hint: upgrade `flaky`");
    let flaky = flaky.file("x.wasm", "no component");
    let _ = flaky.flaky("plugin inspect x.wasm").exits(2).warns("is not a WebAssembly component");
}

#[test]
fn a_plugin_that_misbehaves_fails_by_the_name_of_what_it_does() {
    let hostile = place::guest("hostile");
    let plain = place::guest("plain");
    for (component, input, call, deed, told) in [
        (&hostile, "evidence.json", "classify", "panic", "as asked for"),
        (&hostile, "report.json", "render", "panic", "as asked for"),
        (&plain, "stdout", "parse", "panic", "parser: inputs that end early"),
        (&plain, "stdout", "parse", "recurse", "stack"),
    ] {
        let text = if input == "evidence.json" { "[{\"id\": \"a\"}]" } else { "{}" };
        let flaky = Flaky::new()
            .file(&format!("tests/case/{input}"), text)
            .file("tests/case/settings.json", format!("{{\"call\": \"{call}\", \"do\": \"{deed}\"}}"));
        let ended = flaky.flaky(&format!("plugin test {} --cases tests", component.display())).exits(5);
        let _ = ended.says("FAILED").says("checks failed").says(told);
    }
}

#[test]
fn missing_tools_are_named_with_the_command_that_brings_them() {
    let nothing = Flaky::new().env("PATH", "/nowhere");
    let _ = nothing.flaky("plugin doctor --lang rust").exits(5).says("missing").says("rustup target add");
    let _ = nothing.flaky("plugin doctor").exits(0).says("missing");
    let _ = nothing.flaky("plugin new needs-tools --kind policy --lang rust").exits(0).says("to bring it:");
    let _ = nothing
        .flaky("plugin build needs-tools")
        .exits(5)
        .warns("`cargo`, which")
        .warns("hint: install Rust");
    let _ = author().flaky("plugin doctor --lang rust").exits(0).says("wasm32-unknown-unknown: installed");
}

/// What the tutorial shows, in its order: commands are run, and what is written in Rust takes the place of the line that
/// begins as it does.
fn tutorial() -> String {
    let page = include_str!("../../../docs/plugins/tutorial.md");
    let mut script = String::from("set -eu\n");
    for block in page.split("```").skip(1).step_by(2) {
        if let Some(commands) = block.strip_prefix("sh\n") {
            // Targets are installed, and what is said of a toolchain is not of this test.
            let commands = commands.lines().filter(|line| !line.starts_with("rustup "));
            script.extend(commands.flat_map(|line| [line, "\n"]));
        } else if let Some(code) = block.strip_prefix("rust,ignore\n") {
            let (code, word) = (code.trim(), code.split_whitespace().take(3).collect::<Vec<_>>().join(" "));
            // Wherever the tutorial stands by then, its sources are the plugin's.
            let file = "../infra-errors/src/lib.rs";
            script.push_str(&format!("grep -q '^ *{word}' {file}\nsed -i 's|^ *{word}.*|{code}|' {file}\n"));
        }
    }
    script
}

#[test]
fn the_tutorial_does_what_it_says() {
    let script = tutorial();
    for command in
        ["plugin new", "plugin build", "plugin test", "plugin test --bless", "run --plugin", "plugin doctor"]
    {
        assert!(script.contains(&format!("flaky {command}")), "{command}\n{script}");
    }
    let flaky = author().file("shop/test_shop.py", "def test_total():\n    pass\n");
    let own = place::binary();
    let path = format!(
        "{}:{}:{}",
        own.parent().unwrap().display(),
        PathBuf::from(env::var_os("CARGO").unwrap()).parent().unwrap().display(),
        path_with_pytest()
    );
    let flaky = flaky.env("PATH", path);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(&script).current_dir(flaky.project()).env_clear();
    for (name, value) in flaky.command(&["--version"]).get_envs() {
        shell.env(name, value.unwrap());
    }
    let output = shell.output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{said}");
    assert!(said.contains("1 expectations written") && said.contains("checks hold"), "{said}");
    let written =
        fs::read_to_string(flaky.project().join("infra-errors/tests/no-dns/expected.json")).unwrap();
    assert!(written.contains("all 2 failures in 30 attempts are the infrastructure's"), "{written}");
}
