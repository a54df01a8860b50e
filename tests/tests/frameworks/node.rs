//! Frameworks of JavaScript and TypeScript.

use flaky_tests::Flaky;

use crate::case::{Case, never, slow};
use crate::titles;

const MOCHA: Case = Case {
    folder: "examples/javascript-mocha",
    command: "",
    framework: "javascript-mocha",
    flaky: "is reached within fifty metres",
    broken: "a shelf is not empty with one piece on it",
    stable: "a shelf refuses more than there is",
};

const NODE_TEST: Case = Case {
    folder: "tests/samples/frameworks/node-test",
    command: "",
    framework: "node-test",
    flaky: "a third of the seeds",
    broken: "numbers > are divided",
    stable: "numbers > are multiplied",
};

const JEST: Case = Case {
    folder: "examples/typescript-jest",
    command: "",
    framework: "typescript-jest",
    flaky: "tests/cart.test.ts > an order is picked up in time",
    broken: "tests/cart.test.ts > a removed piece is not paid for",
    stable: "tests/cart.test.ts > a discount is taken from the total",
};

const VITEST: Case = Case {
    folder: "examples/typescript-vitest",
    command: "",
    framework: "typescript-vitest",
    flaky: "tests/seats.test.ts > pays within half a second",
    broken: "tests/seats.test.ts > a hall > knows how many seats are free",
    stable: "tests/seats.test.ts > a hall > gives away no seat twice",
};

const PLAYWRIGHT: Case = Case {
    folder: "tests/samples/frameworks/playwright",
    command: "",
    framework: "playwright",
    flaky: "[plain] > tests/sample.spec.js > a third of the seeds",
    broken: "[plain] > tests/sample.spec.js > numbers > are divided",
    stable: "[plain] > tests/sample.spec.js > numbers > are multiplied",
};

/// Tests that tell their turn, made in the order of their names.
fn ordered(head: &str, test: &str) -> String {
    in_order(head, "0", test)
}

/// The same, made in an order that is drawn by the seed in `variable`: what a project does whose framework knows no order by
/// chance.
fn drawn(variable: &str, head: &str, test: &str) -> String {
    in_order(head, &format!("Number(process.env.{variable})"), test)
}

fn in_order(head: &str, seed: &str, test: &str) -> String {
    format!(
        "{head}
let state = {seed};
const draw = () => (state = (state * 48271) % 2147483647);
const names = ['a', 'b', 'c', 'd', 'e'].map((name) => [draw(), name]).sort((one, other) => one[0] - other[0]);
for (const [, name] of names) {{
  {test}(name, () => {{
    const {{ ATTEMPT, ORDER_FILE }} = process.env;
    if (ORDER_FILE) fs.appendFileSync(ORDER_FILE, `${{ATTEMPT}} ${{name}}\\n`);
  }});
}}
"
    )
}

const COMMON_JS: &str = "const fs = require('node:fs');";

#[test]
fn mocha_is_installed_once_judged_test_by_test_and_runs_one_alone() {
    let flaky = is_driven(&MOCHA, "mocha").file("test/titles.test.js", titles::file("", "it"));
    MOCHA.runs_each_alone(&flaky, "", never);
    let flaky = flaky.file("test/titles.test.js", drawn("MOCHA_SEED", COMMON_JS, "it"));
    MOCHA.is_ordered_by_the_seed(&flaky);
}

#[test]
fn the_test_runner_of_node_is_judged_test_by_test_and_runs_one_alone() {
    let head = "const { test } = require('node:test');";
    let flaky = is_driven(&NODE_TEST, "node-test").file("test/titles.test.js", titles::file(head, "test"));
    NODE_TEST.runs_each_alone(&flaky, "", never);
    // Files run side by side: one of them tells its order.
    let flaky = flaky
        .file("test/sample.test.js", "")
        .file("test/titles.test.js", drawn("TEST_SEED", &format!("{COMMON_JS} {head}"), "test"));
    NODE_TEST.is_ordered_by_the_seed(&flaky);
}

#[test]
fn jest_is_installed_once_judged_test_by_test_runs_one_alone_and_shuffles() {
    if !slow() {
        return;
    }
    // TypeScript is compiled in every attempt; what follows is about orders and names.
    let settings = |more: &str| format!("module.exports = {{ testMatch: ['**/titles.test.js'], {more} }};");
    let flaky = is_driven(&JEST, "jest")
        .file("jest.config.js", settings(""))
        .file("tests/titles.test.js", ordered(COMMON_JS, "test"));
    JEST.shuffles_by_the_seed(&flaky);
    let flaky = flaky.file("jest.config.js", settings("randomize: true"));
    JEST.is_ordered_by_the_seed(&flaky);
    let flaky = flaky
        .file("jest.config.js", settings(""))
        .file("tests/titles.test.js", drawn("JEST_SEED", COMMON_JS, "test"));
    JEST.is_ordered_by_the_seed(&flaky);
    let flaky = flaky
        .file("jest.config.js", "module.exports = { testMatch: ['**/*.test.js'] };")
        .file("tests/titles.test.js", titles::file("", "test"))
        .file("tests/second.test.js", titles::file("", "test"));
    JEST.runs_each_alone(&flaky, "titles.test.js", never);
}

#[test]
fn vitest_is_installed_once_judged_test_by_test_runs_one_alone_and_shuffles() {
    if !slow() {
        return;
    }
    let flaky = is_driven(&VITEST, "vitest");
    VITEST.shuffles_by_the_seed(&flaky);
    let head = "import { test } from 'vitest';";
    let flaky = flaky
        .file("tests/titles.test.ts", titles::file(head, "test"))
        .file("tests/second.test.ts", titles::file(head, "test"));
    VITEST.runs_each_alone(&flaky, "titles.test.ts", never);
    let settings =
        "export default { test: { include: ['tests/seats.test.ts'], sequence: { shuffle: true } } };";
    let flaky = flaky.file("vitest.config.ts", settings);
    VITEST.is_ordered_by_the_seed(&flaky);
    let settings = "export default { test: { include: ['tests/titles.test.ts'] } };";
    let head = format!("import fs from 'node:fs'; {head}");
    let flaky = flaky
        .file("vitest.config.ts", settings)
        .file("tests/titles.test.ts", drawn("VITE_TEST_SEED", &head, "test"));
    VITEST.is_ordered_by_the_seed(&flaky);
}

#[test]
fn playwright_is_installed_once_judged_test_by_test_and_runs_one_alone() {
    if !slow() {
        return;
    }
    let head = "const { test } = require('@playwright/test');";
    let flaky = is_driven(&PLAYWRIGHT, "playwright")
        .file("tests/titles.spec.js", titles::file(head, "test"))
        .file("tests/second.spec.js", titles::file(head, "test"));
    PLAYWRIGHT.runs_each_alone(&flaky, "titles.spec.js", never);
    let flaky = flaky
        .file("tests/sample.spec.js", "")
        .file("tests/titles.spec.js", drawn("TEST_SEED", &format!("{COMMON_JS} {head}"), "test"));
    PLAYWRIGHT.is_ordered_by_the_seed(&flaky);
}

/// In a cache of its own: what an earlier run of these tests installed must not hide that it cannot be installed.
fn is_driven(case: &Case, parser: &str) -> Flaky {
    let flaky = case.project().own_cache();
    let report = case.gives_the_right_verdicts(&flaky);
    assert_eq!(report.subject.parser.as_deref(), Some(parser));
    case.runs_one_test_alone(&flaky, &report);
    flaky
}
