//! The terms under which a plugin is used: grants, limits, what its failure means, and what policies may add.

use flaky_core::report::{PluginReport, RunReport};
use flaky_core::verdict::{Category, Cause, Severity};
use flaky_engine::builtins;
use flaky_plugin_host::ComponentBytes;
use flaky_tests::{Ended, Flaky, ended, place};

use crate::server::{Request, Server};

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
    let granted = flaky()
        .run(&format!("--runs 1 --no-install --plugin {} --grant commands", guest.display()))
        .exits(12);
    let report = granted.report();
    assert_eq!(report.subject.framework, "hostile", "{}", granted.everything());
    assert_eq!(report.cause, Some(Cause::CommandNotFound));
    let _ = flaky().flaky("run --grant commands -- true").exits(2).warns("--plugin");
}

/// A bundled reporter as if it were other people's: its component, in a file.
fn component(name: &str) -> Vec<u8> {
    let bytes = builtins::named(name).unwrap().source().bytes;
    let ComponentBytes::Packed(packed) = bytes else { panic!("bundled components are packed") };
    (packed.unpack)(packed.number).unwrap()
}

/// The chat at this server's address: the text of the address is replaced in manifest and code.
fn chat_at(server: &Server) -> Vec<u8> {
    let (mut bytes, old) = (component("slack"), b"https://slack.com");
    // As long as the other; it means 127.0.0.1.
    let new = format!("http://127.1:{}", server.port);
    assert_eq!(new.len(), old.len());
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

/// A report, and reporters of other people to tell it.
struct Telling {
    flaky: Flaky,
    server: Server,
}

impl Telling {
    fn new(server: Server) -> Self {
        let flaky = Flaky::new()
            .env("SLACK_BOT_TOKEN", "s3cr3t-t0ken")
            .env("FLAKY_WEBHOOK_URL", format!("{}/told?key=s3cr3t-k3y", server.origin()));
        let report = flaky.run("--runs 14 -- true").exits(0).report_as_json();
        std::fs::write(flaky.beside("stored.json"), report.to_string()).unwrap();
        std::fs::write(flaky.beside("slack.wasm"), chat_at(&server)).unwrap();
        std::fs::write(flaky.beside("webhook.wasm"), component("webhook")).unwrap();
        Self { flaky, server }
    }

    /// By an entry with these grants and settings; what was said, and what arrived.
    fn by_entry(&self, name: &str, grants: &str, settings: &str, args: &str) -> (Ended, Vec<Request>) {
        let (file, guest) = (self.flaky.beside("settings.yml"), self.flaky.beside(&format!("{name}.wasm")));
        let guest = if guest.exists() { guest } else { place::guest(name) };
        let text = format!(
            "plugins:\n  - source: {}\n    grants: [{grants}]\n    settings: {{{settings}}}\n",
            guest.display()
        );
        std::fs::write(&file, text).unwrap();
        let stored = self.flaky.beside("stored.json");
        let all = format!("report {} --to {name} --config {} {args}", stored.display(), file.display());
        let ended = self.flaky.flaky(&all);
        assert!(!ended.everything().contains("s3cr3t"), "{}", ended.everything());
        (ended, self.server.requests())
    }
}

#[test]
fn a_reporter_of_other_people_sends_only_what_it_asks_for_and_is_granted() {
    let telling = Telling::new(Server::start("200 OK"));
    let origin = telling.server.origin();
    let (http, secret) = (format!("{{http: \"{origin}\"}}"), "{secret: SLACK_BOT_TOKEN}".to_owned());
    let channel = "channel: \"#builds\"";
    for (grants, said) in [
        (String::new(), "the secret `SLACK_BOT_TOKEN` is not granted to this reporter hint: add `- secret: SLACK_BOT_TOKEN` to `grants:`".to_owned()),
        (http.clone(), "hint: add `- secret: SLACK_BOT_TOKEN` to `grants:` of the entry".to_owned()),
        (secret.clone(), format!("`{origin}` is not among the origins granted to this reporter hint: add `- http: {origin}` to `grants:`")),
        (format!("{secret}, {{http: \"http://127.0.0.1:9\"}}"), format!("hint: add `- http: {origin}` to `grants:`")),
    ] {
        let (ended, requests) = telling.by_entry("slack", &grants, channel, "");
        let _ = ended.exits(20).warns(&said);
        assert!(requests.is_empty(), "{grants}: {requests:#?}");
    }
    let all = format!("{http}, {secret}");
    let (ended, requests) = telling.by_entry("slack", &all, channel, "");
    let told = ended.exits(0);
    let [request] = requests.as_slice() else { panic!("{requests:#?}\n{}", told.everything()) };
    assert_eq!(request.line, "POST /api/chat.postMessage HTTP/1.1");
    assert!(request.head.contains(&"authorization: bearer s3cr3t-t0ken".to_owned()), "{request:#?}");
    assert!(request.body.contains("#builds"), "{request:#?}");
    let (shown, requests) = telling.by_entry("slack", &all, channel, "--dry-run");
    assert!(requests.is_empty() && shown.exits(0).stdout.contains("POST"), "{requests:#?}");
    // What is granted beyond what is asked for has no effect, and that is said.
    let (ended, _) = telling.by_entry("slack", &format!("{all}, {{secret: OTHER}}"), channel, "--dry-run");
    let _ = ended.warns("does not ask for `secret:OTHER`");
}

#[test]
fn what_a_reporter_tries_beside_the_rules_fails_by_name() {
    let telling = Telling::new(Server::start("307 Temporary Redirect\r\nlocation: http://127.0.0.1:9/told"));
    let origin = telling.server.origin();
    let secret = "{secret: SLACK_BOT_TOKEN}";
    let granted = format!("{{http: \"{origin}\"}}, {secret}, {{http: \"http://127.0.0.1:9\"}}");
    let (ended, requests) = telling.by_entry("slack", &granted, "channel: \"#builds\"", "");
    let _ = ended.exits(20).warns("redirects (307), which is not followed");
    assert_eq!(requests.len(), 1);

    // Its own settings name where to: that is no grant, and its manifest asks for no origin.
    let url = format!("url: \"{origin}/elsewhere\"");
    let (ended, requests) = telling.by_entry("webhook", &format!("{{http: \"{origin}\"}}"), &url, "");
    let _ = ended.exits(20).warns(&format!(
        "`{origin}` is not among the origins granted to this reporter hint: name it in the `wants`"
    ));
    assert!(requests.is_empty());

    // A secret that is a whole URL is the user's word for where it leads, once it is granted.
    let (ended, requests) = telling.by_entry("webhook", "", "", "");
    let _ = ended.exits(20).warns("hint: add `- secret: FLAKY_WEBHOOK_URL` to `grants:`");
    assert!(requests.is_empty());
    let (ended, requests) = telling.by_entry("webhook", "{secret: FLAKY_WEBHOOK_URL}", "", "");
    let _ = ended.exits(20);
    assert!(requests[0].line.starts_with("POST /told?key=s3cr3t-k3y"), "{requests:#?}");
}

#[test]
fn a_reporter_whose_call_fails_costs_what_its_entry_says() {
    let telling = Telling::new(Server::start("200 OK"));
    for (rule, code, warned) in
        [("", 20, true), ("fail", 20, true), ("warn", 0, true), ("fallback", 0, false)]
    {
        let on_error = if rule.is_empty() { String::new() } else { format!("    on_error: {rule}\n") };
        let entry = hostile("call: render, do: panic", &on_error);
        let file = telling.flaky.beside("settings.yml");
        std::fs::write(&file, format!("plugins:\n{entry}")).unwrap();
        let stored = telling.flaky.beside("stored.json");
        let args = format!("report {} --to hostile --config {}", stored.display(), file.display());
        let ended = telling.flaky.flaky(&args).exits(code);
        assert_eq!(ended.stderr.contains("as asked for"), warned, "{rule}\n{}", ended.everything());
    }
}
