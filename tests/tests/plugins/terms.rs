//! The terms under which a plugin is used: grants, limits, what its failure means, and what policies may add.

use std::path::PathBuf;

use flaky_core::report::{PluginReport, RunReport};
use flaky_core::verdict::{Category, Cause, Severity};
use flaky_tests::{Ended, Flaky, ended, place};

use crate::server::Server;

/// `--config FILE` is the user's own word: what is tested here is what an entry says, not whose word it is.
fn configured(config: &str) -> (Flaky, String) {
    let flaky = Flaky::new();
    let file = flaky.beside("settings.yml");
    std::fs::write(&file, config).unwrap();
    (flaky, format!("--config {}", file.display()))
}

fn hostile(settings: &str, terms: &str) -> String {
    let guest = place::guest("hostile");
    format!("  - source: {}\n    settings: {{{settings}}}\n{terms}", guest.display())
}

#[track_caller]
fn plugin(report: &RunReport, name: &str) -> PluginReport {
    let found = report.plugins.iter().find(|plugin| plugin.name == name);
    found.unwrap_or_else(|| panic!("{name}: {:#?}", report.plugins)).clone()
}

#[test]
fn the_first_policy_that_decides_wins_and_later_ones_add_what_they_may() {
    // It calls every test flaky and HIGH, and tags it; its parser tells of a test that passes and of one that fails.
    let order = |entries: &[String]| {
        let (flaky, config) = configured(&format!("plugins:\n{}", entries.concat()));
        flaky.run(&format!("{config} --runs 14 -- echo something")).report()
    };
    let statistical = || "  - builtin:statistical\n".to_owned();
    for (entries, category, decided_by, tags) in [
        (vec![hostile("", "")], Category::Flaky, "hostile", true),
        (vec![statistical(), hostile("", "")], Category::Broken, "statistical", false),
        (vec![statistical(), hostile("", "    may: [tag, raise]\n")], Category::Broken, "statistical", true),
        (vec![statistical(), hostile("", "    may: [raise]\n")], Category::Broken, "statistical", false),
    ] {
        let report = order(&entries);
        let second = ended::test(&report, "second");
        assert_eq!((second.verdict, second.decided_by.as_str()), (category, decided_by), "{entries:?}");
        assert_eq!(
            second.tags.contains(&("seen".into(), "yes".into())),
            tags,
            "{entries:?}: {:?}",
            second.tags
        );
        let adds = tags && decided_by == "statistical";
        assert_eq!(second.added.len(), usize::from(adds), "{entries:?}: {:?}", second.added);
        if adds {
            let added = &second.added[0];
            assert_eq!((added.policy.as_str(), added.raised_from), ("hostile", None));
            // A severity is never lowered, and one that passes has none to raise.
            assert_eq!(second.severity, Some(Severity::Critical));
            let first = ended::test(&report, "first\u{e9}");
            assert_eq!((first.verdict, first.severity), (Category::Stable, Some(Severity::None)));
            assert_eq!(first.added[0].tags, [("seen".to_owned(), "yes".to_owned())]);
        }
    }
}

#[test]
fn what_a_failed_call_means_is_what_the_entry_says() {
    for call in ["parse", "classify"] {
        let run = |terms: &str| -> Ended {
            let entry = hostile(&format!("call: {call}, do: panic"), terms);
            let (flaky, config) = configured(&format!("plugins:\n{entry}"));
            flaky.run(&format!("{config} --runs 14 -- echo something"))
        };
        for terms in ["", "    on_error: warn\n"] {
            let ended = run(terms);
            let plugin = plugin(&ended.report(), "hostile");
            assert_eq!((plugin.errors.len(), plugin.fell_back.len()), (1, 0), "{call} {terms}");
            assert_ne!(ended.code, 12, "{}", ended.everything());
            let _ = ended.says("hostile");
        }
        let ended = run("    on_error: fallback\n");
        let named = plugin(&ended.report(), "hostile");
        assert_eq!((named.errors.len(), named.fell_back.len()), (0, 1), "{call}");
        assert!(!ended.stdout.contains("as asked for"), "nobody is warned\n{}", ended.everything());
        let ended = run("    on_error: fail\n").exits(12);
        let report = ended.report();
        assert_eq!((report.verdict, report.cause), (Category::Inconclusive, Some(Cause::Infrastructure)));
        assert!(report.reason.contains("`hostile` failed"), "{}", report.reason);
    }
}

#[test]
fn limits_of_an_entry_hold_for_its_calls() {
    let entry = hostile("call: parse, do: loop", "    limits: {time: 1}\n");
    let (flaky, config) = configured(&format!("plugins:\n{entry}"));
    let report = flaky.run(&format!("{config} --runs 1 -- echo something")).report();
    let (error, _) = &plugin(&report, "hostile").errors[0];
    assert!(error.contains("1 s"), "{error}");
    let entry = hostile("call: parse, do: memory", "    limits: {memory: 16}\n");
    let (flaky, config) = configured(&format!("plugins:\n{entry}"));
    let report = flaky.run(&format!("{config} --runs 1 -- echo something")).report();
    let (error, _) = &plugin(&report, "hostile").errors[0];
    assert!(error.contains("16 MiB"), "{error}");
}

#[test]
fn a_plugin_decides_commands_only_where_that_is_granted() {
    let guest = place::guest("hostile");
    let flaky = || Flaky::new().file("hostile.ini", "");
    let refused = flaky().flaky(&format!("run --runs 1 --plugin {}", guest.display())).exits(2);
    let _ = refused
        .warns("plugin `hostile` asks for `commands`, which is not granted hint: add `--grant commands`")
        .warns("name the command");
    let granted = flaky().run(&format!("--runs 1 --no-install --plugin {} --grant commands", guest.display())).exits(12);
    let report = granted.report();
    assert_eq!(report.subject.framework, "hostile", "{}", granted.everything());
    assert_eq!(report.cause, Some(Cause::CommandNotFound));
    let _ = flaky().flaky("run --grant commands -- true").exits(2).warns("--plugin");
}

/// The reporter `poster`, which asks for this server's origin; and a report to tell.
struct Telling {
    flaky: Flaky,
    component: PathBuf,
    server: Server,
}

impl Telling {
    fn new() -> Self {
        let server = Server::start();
        let flaky = Flaky::new().env("POSTER_TOKEN", "s3cr3t-t0ken").env("OTHER_TOKEN", "0ther-t0ken");
        let report = flaky.run("--runs 14 -- true").exits(0).report_as_json();
        std::fs::write(flaky.beside("stored.json"), report.to_string()).unwrap();
        let component = flaky.beside("poster.wasm");
        let bytes = std::fs::read(place::guest("poster")).unwrap();
        std::fs::write(&component, with_port(bytes, server.port)).unwrap();
        Self { flaky, component, server }
    }

    fn tell(&self, args: &str) -> Ended {
        let stored = self.flaky.beside("stored.json");
        self.flaky.flaky(&format!("report {} --to poster {args}", stored.display()))
    }

    /// By an entry with these grants and settings.
    fn configured(&self, grants: &str, settings: &str, more: &str) -> Ended {
        let file = self.flaky.beside("settings.yml");
        let text = format!(
            "plugins:\n  - source: {}\n    grants: [{grants}]\n    settings: {{{settings}}}\n{more}",
            self.component.display()
        );
        std::fs::write(&file, text).unwrap();
        self.tell(&format!("--config {}", file.display()))
    }
}

/// Ephemeral ports have five digits, as the one in the component has.
fn with_port(mut bytes: Vec<u8>, port: u16) -> Vec<u8> {
    let (old, new) = (b"127.0.0.1:45999", format!("127.0.0.1:{port:05}"));
    let mut places = 0;
    for at in 0..bytes.len() - old.len() {
        if bytes[at..].starts_with(old) {
            bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
            places += 1;
        }
    }
    assert!(places > 0, "the component names its origin");
    bytes
}

#[test]
fn a_reporter_of_other_people_sends_only_what_it_asks_for_and_is_granted() {
    let telling = Telling::new();
    let (origin, plugin) = (telling.server.origin(), telling.component.display().to_string());
    let (http, secret) = (format!("--grant http:{origin}"), "--grant secret:POSTER_TOKEN");
    for (grants, said) in [
        (String::new(), "the secret `POSTER_TOKEN` is not granted to this reporter hint: add `--grant secret:POSTER_TOKEN`".to_owned()),
        (secret.to_owned(), format!("`{origin}` is not among the origins granted to this reporter hint: add `--grant http:{origin}`")),
        (format!("{secret} --grant http:http://127.0.0.1:9"), format!("hint: add `--grant http:{origin}`")),
    ] {
        let _ = telling.tell(&format!("--plugin {plugin} {grants}")).exits(20).warns(&said);
        assert!(telling.server.requests().is_empty(), "{grants}");
    }
    let told = telling.tell(&format!("--plugin {plugin} {http} {secret}")).exits(0);
    let requests = telling.server.requests();
    let [request] = requests.as_slice() else { panic!("{requests:#?}\n{}", told.everything()) };
    assert_eq!(request.line, "POST /told HTTP/1.1");
    assert!(request.head.contains(&"authorization: bearer s3cr3t-t0ken".to_owned()), "{request:#?}");
    assert!(
        request.body.contains("${{ secrets.POSTER_TOKEN }}"),
        "bodies are sent as they are: {}",
        request.body
    );
    let shown = telling.tell(&format!("--plugin {plugin} {http} {secret} --dry-run")).exits(0);
    assert!(
        shown.stdout.contains("POST") && !shown.everything().contains("s3cr3t"),
        "{}",
        shown.everything()
    );
    assert!(telling.server.requests().is_empty());
}

#[test]
fn what_a_reporter_tries_beside_the_rules_fails_by_name() {
    let telling = Telling::new();
    let all = format!(
        "{{http: \"{}\"}}, {{secret: POSTER_TOKEN}}, {{secret: OTHER_TOKEN}}, {{http: \"http://127.0.0.1:9\"}}",
        telling.server.origin()
    );
    for (deed, said, requests) in [
        (
            "elsewhere",
            "`http://127.0.0.1:9` is not among the origins granted to this reporter hint: name it in the `wants`",
            0,
        ),
        (
            "other-secret",
            "the secret `OTHER_TOKEN` is not granted to this reporter hint: name it in the `wants`",
            0,
        ),
        ("redirect", "redirects (307), which is not followed", 1),
        ("file", "`../outside.txt`, which is not below the output folder", 0),
        ("panic", "as asked for", 0),
    ] {
        let ended = telling.configured(&all, &format!("do: {deed}"), "").exits(20).warns(said);
        assert_eq!(telling.server.requests().len(), requests, "{deed}");
        assert!(!ended.everything().contains("t0ken"), "{}", ended.everything());
    }
    assert!(!telling.flaky.beside("outside.txt").exists());
    for (rule, code) in [("fail", 20), ("warn", 0), ("fallback", 0)] {
        let more = format!("    on_error: {rule}\n");
        let ended = telling.configured(&all, "do: panic", &more).exits(code);
        let warned = ended.stderr.contains("as asked for");
        assert_eq!(warned, rule != "fallback", "{rule}\n{}", ended.everything());
    }
    // What is granted beyond what is asked for has no effect, and that is said.
    let _ = telling.configured(&all, "", "").exits(0).warns("does not ask for `secret:OTHER_TOKEN`");
}
