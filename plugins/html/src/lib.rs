//! The report as one page that needs nothing else: no network, no other file.
//!
//! What is worth reading first (verdict, reason, what to do, how to repeat it) is written into the page; the tests,
//! which may be thousands, are data in it, of which a script makes rows as they are scrolled to.
//!
//! Names, messages and traces come from tests, which anybody may have written. In the page they are escaped, in the
//! data nothing of them can end the element that holds it, and the script makes text of them and nothing else. Should
//! that fail, the page's own policy lets no other script run and nothing be loaded or sent.

mod component;
mod data;
mod overview;
mod safe;
mod sections;
mod strip;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flaky_plugin_sdk::report::{Category, Report};
use sha2::{Digest, Sha256};

use safe::html;

const STYLE: &str = include_str!("page/style.css");

const SCRIPT: &str = concat!(
    "'use strict';(() => {\n",
    include_str!("page/dom.js"),
    include_str!("page/strip.js"),
    include_str!("page/diff.js"),
    include_str!("page/detail.js"),
    include_str!("page/table.js"),
    include_str!("page/main.js"),
    "})();\n"
);

/// Most bytes of a page: what a browser still opens without a pause.
const MOST_BYTES: usize = 9_500_000;

/// The page.
///
/// # Errors
/// None that is known of: all keys of the data are text.
pub fn render(report: &Report) -> serde_json::Result<String> {
    let mut body = String::new();
    overview::write(&mut body, report);
    tests(&mut body, report);
    sections::write(&mut body, report);
    let room = MOST_BYTES.saturating_sub(body.len() + STYLE.len() + SCRIPT.len() + HEAD_BYTES);
    let data = data::of(report, room)?;
    let mut page = String::with_capacity(body.len() + data.rows.len() + data.details.len() + 100_000);
    head(&mut page, report);
    page.push_str(&body);
    for (id, json) in [("rows", &data.rows), ("details", &data.details)] {
        let _ = writeln!(page, "<script type=\"application/json\" id=\"{id}\">{json}</script>");
    }
    let _ = writeln!(page, "<script>{SCRIPT}</script>\n</body>\n</html>");
    Ok(page)
}

/// More than what stands around body, style, script and data.
const HEAD_BYTES: usize = 4096;

fn head(page: &mut String, report: &Report) {
    let (style, script) = (hash(STYLE), hash(SCRIPT));
    let verdict = verdict_word(&report.verdict);
    let source = safe::short(&report.subject.source, 200);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style}'; \
         script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{verdict}: {} · flaky</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#tests\">Skip to the tests</a>\n",
        html(&source)
    );
}

/// As a policy names an inline style or script (Content Security Policy Level 3, 6.7.3.3).
fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}

/// Only words of our own: what a later report may say is not ours.
fn verdict_word(verdict: &Category) -> &str {
    match verdict {
        Category::Other(_) => "unknown",
        known => known.as_str(),
    }
}

/// The place of the table, and what stands there for whoever runs no scripts.
fn tests(out: &mut String, report: &Report) {
    out.push_str("<section id=\"tests\" aria-labelledby=\"tests-title\" tabindex=\"-1\">\n<h2 id=\"tests-title\">Tests</h2>\n");
    if report.tests.is_empty() {
        out.push_str("<p class=\"empty\">No attempt told of a test.</p>\n");
    } else {
        out.push_str(
            "<noscript><p class=\"empty\">The table of tests needs scripts. Everything in it is in the JSON report too.</p></noscript>\n",
        );
    }
    out.push_str("</section>\n");
}

#[cfg(test)]
mod checks;
