//! Frameworks of JavaScript and TypeScript.

use flaky_tests::Flaky;

use crate::case::{Case, slow};

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

#[test]
fn mocha_is_installed_once_judged_test_by_test_and_runs_one_alone() {
    is_driven(&MOCHA, "mocha");
}

#[test]
fn the_test_runner_of_node_is_judged_test_by_test_and_runs_one_alone() {
    is_driven(&NODE_TEST, "node-test");
}

#[test]
fn jest_is_installed_once_judged_test_by_test_runs_one_alone_and_shuffles() {
    if slow() {
        is_driven_and_shuffles(&JEST, "jest");
    }
}

#[test]
fn vitest_is_installed_once_judged_test_by_test_runs_one_alone_and_shuffles() {
    if slow() {
        is_driven_and_shuffles(&VITEST, "vitest");
    }
}

#[test]
fn playwright_is_installed_once_judged_test_by_test_and_runs_one_alone() {
    if slow() {
        is_driven(&PLAYWRIGHT, "playwright");
    }
}

/// In a cache of its own: what an earlier run of these tests installed must not hide that it cannot be installed.
fn is_driven(case: &Case, parser: &str) -> Flaky {
    let flaky = case.project().own_cache();
    let report = case.gives_the_right_verdicts(&flaky);
    assert_eq!(report.subject.parser.as_deref(), Some(parser));
    case.runs_one_test_alone(&flaky, &report);
    flaky
}

fn is_driven_and_shuffles(case: &Case, parser: &str) {
    let flaky = is_driven(case, parser);
    case.shuffles_by_the_seed(&flaky);
}
