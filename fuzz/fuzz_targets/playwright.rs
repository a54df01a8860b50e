#![cfg_attr(fuzzing, no_main)]

use flaky_plugin_sdk::PackedParser;

flaky_fuzz::target!(
    |attempt| flaky_plugin_playwright::Playwright.parse(attempt),
    "report/playwright.json",
    "report/flaky-javascript/1.jsonl",
);
