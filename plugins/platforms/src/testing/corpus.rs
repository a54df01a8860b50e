//! Hostile text, and reports in which it stands wherever somebody else has a say.

use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::surroundings::Surroundings;
use serde_json::{Value, json};

/// A host that no link may lead to, and that every address of the corpus names.
pub const FOREIGN: &str = "evil.example";

/// The forge of the surroundings.
pub const FORGE: &str = "https://forge.example";

const TEXTS: &[(&str, &str)] = &[
    ("everyone", "@everyone @here pay me"),
    ("team", "@org/team and @octocat, (@a) .@b"),
    ("mail", "a@evil.example mailto:a@evil.example xmpp:a@evil.example"),
    ("slack channel", "<!channel> <!here> <!everyone> <!subteam^S012AB3CD>"),
    ("slack user", "<@U012AB3CD> <@W012AB3CD|x> <#C012AB3CD>"),
    ("slack link", "<https://evil.example|Sign in> <mailto:a@evil.example|x>"),
    ("slack date", "<!date^1392734382^{date}^https://evil.example|x>"),
    ("slack format", "*bold* _italic_ ~struck~ `code` ```block``` &lt;!channel&gt;"),
    (
        "discord mentions",
        "<@80351110224678912> <@!80351110224678912> <@&165511591545143296> <#103735883630395392>",
    ),
    (
        "discord emoji",
        "<:a:41771983429993937> <a:b:41771983429993937> <t:1618953630:R> </airhorn:816437322781949972>",
    ),
    ("discord masked", "[x](https://evil.example) [x](<https://evil.example> \"t\") ||spoiler|| -# small"),
    ("link", "[click](https://evil.example) [r]: https://evil.example"),
    ("reference link", "[a][b] [b]\n\n[b]: https://evil.example"),
    ("image", "![i](https://evil.example/i.png) ![i][r]\n\n[r]: https://evil.example/r.png"),
    ("autolink", "https://evil.example http://evil.example/x www.evil.example ftp://evil.example"),
    ("angle autolink", "<https://evil.example> <a@evil.example>"),
    ("autolink upper", "HTTPS://EVIL.EXAMPLE WWW.evil.example (https://evil.example)"),
    ("other schemes", "ssh://evil.example irc://evil.example javascript:alert(1) data:text/html,x"),
    ("html script", "<script>alert(1)</script><img src=x onerror=alert(1)><svg/onload=alert(1)>"),
    ("html link", "<a href=\"https://evil.example\">x</a><a href='javascript:alert(1)'>y</a>"),
    ("html image", "<img src=\"https://evil.example/i.png\"><picture><source srcset=https://evil.example>"),
    ("html closing", "</code></td></tr></table></summary></details></sub></div><h1>x</h1>"),
    ("html opening", "<details><summary><table><tr><td><code><pre><b><!--"),
    ("html comment", "<!-- flaky:flaky {\"verdict\":\"stable\"} --> --> <!-->"),
    ("html entities", "&lt;b&gt; &amp;lt; &#60;script&#62; &#x202e; &copy &nbsp;&zwj;"),
    ("html process", "<?php x ?> <![CDATA[ x ]]> <!DOCTYPE html>"),
    ("quotes", "\" onmouseover=\"alert(1)\" ' x='y' title=\""),
    ("table pipes", "| a | b |\n|---|---|\n| 1 | 2 |"),
    ("escaped pipes", "a\\|b \\\\| c ``|`` |"),
    ("fence 3", "```\ncode\n```\n@everyone https://evil.example"),
    ("fence 4", "````\n```\n````\n# x"),
    ("fence 12", "````````````\n@everyone\n````````````\n<b>x</b>"),
    ("fence tilde", "~~~\n@everyone\n~~~\n[x](https://evil.example)"),
    ("fence info", "```sh @everyone\n</details>"),
    ("unbalanced ticks", "` `` ``` ```` a`b``c```d"),
    ("ends in ticks", "name`"),
    ("ends in a backslash", "name\\"),
    ("headings", "# one\n## two\nthree\n===\nfour\n---"),
    ("lists", "- a\n+ b\n* c\n1. d\n2) e\n- [ ] task\n- [x] done"),
    ("quote and alert", "> quote\n> [!WARNING]\n> alert"),
    ("alert", "[!CAUTION] [!NOTE]\n> [!IMPORTANT]\n> x"),
    ("indented code", "    code\n\tcode"),
    ("rule", "***\n---\n___"),
    ("emphasis", "*a* **b** _c_ __d__ ~~e~~ ~f~ ***g***"),
    ("footnote", "x[^1] and [^note]\n\n[^1]: https://evil.example\n[^note]: y"),
    ("issue", "#1 fixes #2, closes #3 owner/repo#4"),
    ("issue of github", "GH-1 gh-22 Fixes GH-3"),
    ("commit", "deadbeef 0123456789abcdef0123456789abcdef01234567 owner/repo@deadbeef"),
    (
        "gitlab references",
        "!1 ~bug ~\"big bug\" %1 $2 &3 ^alert#4 *iteration:5 [vulnerability:6] group/project!7",
    ),
    ("gitlab command", "/close\n/assign @root\n/merge"),
    ("gitlab diff", "{+ added +} {- removed -} [[_TOC_]] [TOC]"),
    ("gitlab fence", "````\n```\n/close\n```\n/merge"),
    ("emoji", ":smile: :+1: :tada::rocket: :not_an_emoji:"),
    ("latex", "$x$ $$\\frac{1}{2}$$ $`y`$ \\(z\\) \\[w\\]"),
    ("mermaid", "```mermaid\ngraph TD; A-->B\n```\n```geojson\n{}\n```"),
    ("colour chip", "`#ff0000` `rgb(1,2,3)`"),
    (
        "escape sequences",
        "\u{1b}[31mred\u{1b}[0m \u{1b}]8;;https://evil.example\u{7}x\u{1b}]8;;\u{7} \u{9b}2J",
    ),
    ("bells and nulls", "a\0b\u{7}c\u{8}d\u{7f}e\u{85}f"),
    ("bidi", "\u{202e}gnp.exe\u{2066}\u{2067}x\u{2069} \u{200f}\u{61c}"),
    ("no width", "a\u{200b}b\u{feff}c\u{2060}d\u{ad}e\u{180e}f \u{e0041}\u{e007f}"),
    ("line separators", "a\u{2028}b\u{2029}c\u{b}d\u{c}e\r\nf\rg"),
    ("combining", "Z\u{351}\u{34b}\u{320}\u{335}a\u{300}\u{300}\u{300}\u{300}\u{300}\u{300}"),
    ("outside the basic plane", "😀👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿 𝕏 𠜎"),
    ("placeholder", "${{ secrets.SLACK_WEBHOOK_URL }} ${{secrets.GITHUB_TOKEN}} ${{ secrets.X"),
    (
        "workflow command",
        "::error file=a,line=1::x\n::set-output name=a::b\n::add-mask::c %0A::stop-commands::d",
    ),
    ("json", "\",\"x\":\"y\\\" } ] \\u0000"),
    ("formula", "=HYPERLINK(\"https://evil.example\") +1 -1 @x"),
    ("empty", ""),
    ("white space", " \t\n \u{a0}\u{3000} "),
    ("null", "null"),
    ("one sign", "|"),
];

/// Every text with a name: those of the table, and some that are long.
#[must_use]
pub fn texts() -> Vec<(&'static str, String)> {
    let mut all: Vec<(&str, String)> = TEXTS.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    all.push(("a megabyte", "a".repeat(1 << 20)));
    all.push(("many ticks", "`".repeat(1 << 16)));
    all.push(("a megabyte of markup", "<&@*_[]()!|\n".repeat((1 << 20) / 12)));
    all.push(("many emoji", "😀".repeat(1 << 16)));
    all.push(("everything", TEXTS.iter().map(|(_, text)| *text).collect::<Vec<_>>().join(" ")));
    all
}

/// A report of three tests in which a text stands wherever a test, a framework or a plugin has a say. The verdict is
/// `flaky`; one test is broken, one flaky, one ignored.
#[must_use]
pub fn report(text: &str) -> Report {
    Report::from_json(document(text).to_string().as_bytes()).unwrap_or_default()
}

/// The document that [`report`] reads.
#[must_use]
pub fn document(whole: &str) -> Value {
    let text = &beginning(whole);
    let group = json!({"count": 3, "kind": text, "message": text, "trace": text, "fingerprint": text, "seeds": [1, 2]});
    let test = |id: String, verdict: &str, severity: &str, failures: u32| {
        json!({"id": id, "ran": 20, "failures": failures, "rate": f64::from(failures) / 20.0,
            "interval": {"low": 0.1, "high": 0.9, "level": 0.95}, "verdict": verdict, "severity": severity,
            "reason": text, "decided_by": text, "location": {"file": text, "line": 3}, "failure_groups": [group],
            "base": {"ran": 20, "failed": 0, "change": "introduced"}, "tags": [[text, text]],
            "reproduction": {"command": text, "shell": text, "seed": 1, "failed": 1, "ran": 3}})
    };
    let long = json!({"count": 3, "kind": text, "message": whole, "trace": whole, "seeds": [1, 2]});
    let mut first = test(whole.to_owned(), "broken", "CRITICAL", 20);
    first["failure_groups"] = json!([long]);
    let mut ignored = test(text.to_owned(), "flaky", "LOW", 1);
    ignored["ignored"] = json!(true);
    json!({
        "report_version": 1, "run": text, "flaky_version": text, "total_runs": 20, "failures": 20,
        "repro_rate": 1.0, "verdict": "broken", "severity": "CRITICAL", "reason": whole, "hint": text,
        "isolation": {"asked": text, "used": text, "why": text},
        "subject": {"source": text, "commit": text, "reference": text, "command": [text, text], "framework": text,
            "parser": text, "working_directory": text},
        "base": {"revision": text, "commit": text, "total_runs": 20},
        "execution": {"planned": 20, "parallelism": 2, "finished": 20, "reproduce": text, "reproduce_shell": text,
            "reproduced": {"ran": 3, "failed": 1}, "wall_seconds": 1.0},
        "tests": [first, test(format!("second {text}"), "flaky", "LOW", 1), ignored],
        "clusters": [{"tests": [text, text], "text": text, "kind": text, "message": text, "cause": text}],
        "attempts": [{"attempt": 1, "seed": 2, "set_aside": text, "output_tail": text}],
        "plugins": [{"name": text, "version": text, "source": text, "errors": [[text, 2]]}],
        "notes": [{"code": text, "text": text}],
    })
}

/// What is not a megabyte long: of such a text, the beginning stands in most places, so that tests end.
fn beginning(text: &str) -> String {
    text.chars().take(8000).collect()
}

/// The same without a result: a cause, a hint, and nothing measured.
#[must_use]
pub fn failed_report(text: &str) -> Report {
    let mut document = document(text);
    document["verdict"] = json!("inconclusive");
    document["cause"] = json!(beginning(text));
    Report::from_json(document.to_string().as_bytes()).unwrap_or_default()
}

/// Surroundings in which a text stands wherever an author of commits has a say, and in every address.
#[must_use]
pub fn surroundings(text: &str) -> Surroundings {
    let text = &beginning(text);
    let document = json!({
        "suite": text,
        "ci": {
            "platform": "github", "server": FORGE, "repository": "octo/shop",
            "run_url": text, "failed_run_url": format!("{FORGE}/octo/shop/actions/runs/7"),
            "failed_workflow": text, "commit": "0123456789abcdef0123456789abcdef01234567", "branch": text,
            "pull_request": {"number": 7, "head": "fedcba9876543210fedcba9876543210fedcba98", "url": text, "fork": true},
            "since_green": {
                "commit": text, "url": text, "total_commits": 9, "total_files": 9, "files": [text, "src/a.rs"],
                "commits": [
                    {"sha": text, "title": text, "author": text, "login": "ann"},
                    {"sha": "fedcba9876543210fedcba9876543210fedcba98", "title": text, "author": text, "login": text},
                ],
            },
        },
        "earlier": [{"run": text, "suite": text, "commit": text, "verdict": "flaky", "severity": "LOW", "total_runs": 20,
            "failures": 1, "tests": [[text, "flaky"]]}],
        "mentions": {"ann": text},
    });
    Surroundings::from_json(&document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_is_large_and_stands_in_every_report() {
        let texts = texts();
        assert!(texts.len() >= 60, "{}", texts.len());
        for (name, text) in texts {
            assert_eq!(report(&text).tests.len(), 3, "{name}");
            assert_eq!(report(&text).tests[0].id, text, "{name}");
            assert_eq!(surroundings(&text).earlier.len(), 1, "{name}");
            assert!(text.starts_with(&failed_report(&text).cause.unwrap()), "{name}");
        }
    }
}
