//! Outputs of large suites, as the frameworks write them.

use std::fmt::Write;

/// How many tests pass for each that fails.
const PER_FAILURE: usize = 100;

fn fails(i: usize) -> bool {
    i % PER_FAILURE == PER_FAILURE / 2
}

/// Writing to a string never fails.
macro_rules! line {
    ($out:ident, $($text:tt)*) => { _ = writeln!($out, $($text)*) };
}

/// File, name and whether it fails.
fn pytest_test(i: usize) -> (String, String, bool) {
    let file = format!("tests/unit/test_orders_{:03}.py", i / 50);
    (file, format!("test_total[{}]", i % 50), fails(i))
}

fn pytest_trace(file: &str, i: usize) -> String {
    format!(
        "rate = {i}\n\n    @pytest.mark.parametrize(\"rate\", range(50))\n    def test_total(rate):\n        \
         order = Order(rate=rate)\n        order.add(\"apple\", 2)\n>       assert order.total() == 3\nE       \
         assert {i} == 3\nE        +  where {i} = total()\nE        +    where total = Order(rate={i}).total\n\n\
         {file}:17: AssertionError"
    )
}

/// `pytest -v`. Without padding, as in a narrow terminal.
pub(crate) fn pytest_output(tests: usize) -> String {
    let mut out = format!(
        "{:=^79}\nplatform linux -- Python 3.13.1, pytest-8.4.2, pluggy-1.6.0 -- /usr/bin/python3\n\
         cachedir: .pytest_cache\nrootdir: /srv/shop\ncollecting ... collected {tests} items\n\n",
        " test session starts "
    );
    let (mut blocks, mut summary, mut failed) = (String::new(), String::new(), 0);
    for i in 0..tests {
        let (file, name, fails) = pytest_test(i);
        let word = if fails { "FAILED" } else { "PASSED" };
        line!(out, "{file}::{name} {word} [{:3}%]", (i + 1) * 100 / tests);
        if fails {
            failed += 1;
            line!(blocks, "{:_^79}\n\n{}", format!(" {name} "), pytest_trace(&file, i));
            line!(summary, "FAILED {file}::{name} - assert {i} == 3");
        }
    }
    let totals = format!(" {failed} failed, {} passed in 61.20s (0:01:01) ", tests - failed);
    let (failures, short) = (" FAILURES ", " short test summary info ");
    line!(out, "\n{failures:=^79}\n{blocks}{short:=^79}\n{summary}{totals:=^79}");
    out
}

/// What our own plugin of pytest writes of the same tests.
pub(crate) fn pytest_report(tests: usize) -> String {
    let mut out = "{\"e\":\"session\",\"format\":1,\"pytest\":\"8.4.2\",\"python\":\"3.13.1\"}\n".to_owned();
    for i in 0..tests {
        let (file, name, _) = pytest_test(i);
        line!(out, "{{\"e\":\"test\",\"n\":{i},\"id\":\"{file}::{name}\"}}");
    }
    out += "{\"e\":\"collected\",\"only\":false}\n";
    for i in 0..tests {
        let (file, _, fails) = pytest_test(i);
        line!(out, "{{\"e\":\"start\",\"n\":{i},\"file\":\"{file}\",\"line\":12}}");
        for when in ["setup", "call", "teardown"] {
            // As Python writes them: some seventeen digits.
            let seconds = 0.000_1 + (i * 7 % 1000) as f64 * 1.234_567_890_123e-6;
            let fails = fails && when == "call";
            let outcome = if fails { "failed" } else { "passed" };
            _ = write!(
                out,
                "{{\"e\":\"phase\",\"n\":{i},\"when\":\"{when}\",\"outcome\":\"{outcome}\",\"s\":{seconds}"
            );
            if fails {
                let trace =
                    pytest_trace(&file, i).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                let message = format!("assert {i} == 3\\n +  where {i} = total()");
                _ = write!(out, ",\"message\":\"{message}\",\"trace\":\"{trace}\"");
            }
            out += "}\n";
        }
    }
    out += "{\"e\":\"finish\",\"status\":1}\n";
    out
}

/// Cases of a suite, cases that pass for each that fails, and frames of a trace in the JUnit file: 161,400 cases are 50 MB.
const SUITE: usize = 25;
const CASES_PER_FAILURE: usize = 31;
const FRAMES: usize = 12;

/// As Maven's surefire writes, all classes in one file.
pub(crate) fn junit_report(cases: usize) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for i in 0..cases {
        let class =
            format!("com.example.warehouse.orders.fulfilment.shipping.ShippingCost{:04}Test", i / SUITE);
        if i % SUITE == 0 {
            line!(out, "<testsuite name=\"{class}\" tests=\"25\" time=\"1.25\" hostname=\"builder\">");
        }
        _ = write!(
            out,
            "  <testcase name=\"costs_of_a_parcel_that_weighs_more_than_the_limit_and_leaves_the_country[{}: \
             weight=31.5 kg, from=Rotterdam, to=Reykjavík, insured=&quot;yes&quot;]\" classname=\"{class}\" \
             time=\"0.{:03}\"",
            i % SUITE,
            i % 1000
        );
        if i % CASES_PER_FAILURE == CASES_PER_FAILURE / 2 {
            line!(
                out,
                ">\n    <failure message=\"expected: &lt;{i}&gt; but was: &lt;0&gt;\" \
                 type=\"org.opentest4j.AssertionFailedError\">org.opentest4j.AssertionFailedError: expected: \
                 &lt;{i}&gt; but was: &lt;0&gt;"
            );
            for frame in 0..FRAMES {
                line!(
                    out,
                    "\tat com.example.warehouse.orders.fulfilment.shipping.ShippingCost.&lt;init&gt;(ShippingCost.java:{})",
                    100 + frame
                );
            }
            out += "</failure>\n  </testcase>\n";
        } else {
            out += "/>\n";
        }
        if i % SUITE == SUITE - 1 || i + 1 == cases {
            out += "</testsuite>\n";
        }
    }
    out += "</testsuites>\n";
    out
}

/// Catch2's reporter `xml` with `--success`: every assertion is told.
pub(crate) fn catch2_report(tests: usize) -> String {
    let mut out =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Catch2TestRun name=\"orders\" rng-seed=\"204\" \
                   xml-format-version=\"3\" catch2-version=\"3.7.1\">\n"
            .to_owned();
    for i in 0..tests {
        let file = format!("tests/orders_{:03}.cpp", i / 50);
        line!(
            out,
            "  <TestCase name=\"total of order {i}\" tags=\"[orders]\" filename=\"{file}\" line=\"{}\">",
            i % 50
        );
        for (success, left) in [(true, 1), (!fails(i), 2)] {
            line!(
                out,
                "    <Expression success=\"{success}\" type=\"CHECK\" filename=\"{file}\" line=\"{}\">\n      <Original>\n        \
                 order.total() == {left}\n      </Original>\n      <Expanded>\n        {left} == {left}\n      </Expanded>\n    \
                 </Expression>",
                i % 50 + 1
            );
        }
        line!(
            out,
            "    <OverallResult success=\"{}\" skips=\"0\" durationInSeconds=\"5.9e-05\"/>\n  </TestCase>",
            !fails(i)
        );
    }
    line!(
        out,
        "  <OverallResults successes=\"{tests}\" failures=\"0\" expectedFailures=\"0\" skips=\"0\"/>\n</Catch2TestRun>"
    );
    out
}

/// What `ctest` prints.
pub(crate) fn ctest_output(tests: usize) -> String {
    let mut out = "Test project /srv/shop/build\n".to_owned();
    let mut list = String::new();
    let mut failed = 0;
    for i in 1..=tests {
        let name = format!("orders.total_of_{i}");
        line!(out, "      Start {i:5}: {name}");
        let dots = ".".repeat(40 - name.len());
        if fails(i) {
            failed += 1;
            line!(out, "{i:6}/{tests} Test {:>7}: {name} {dots}***Failed    0.01 sec", format!("#{i}"));
            line!(list, "\t{i:6} - {name} (Failed)");
        } else {
            line!(out, "{i:6}/{tests} Test {:>7}: {name} {dots}   Passed    0.00 sec", format!("#{i}"));
        }
    }
    let percent = (tests - failed) * 100 / tests;
    line!(
        out,
        "\n{percent}% tests passed, {failed} tests failed out of {tests}\n\nTotal Test time (real) =  61.20 sec\n"
    );
    line!(out, "The following tests FAILED:\n{list}");
    out
}

/// Tests of a Go package.
const PACKAGE: usize = 200;

/// `go test -v ./...`, a line of log in every test.
pub(crate) fn go_output(tests: usize) -> String {
    let mut out = String::new();
    let mut package_failed = false;
    for i in 0..tests {
        let name = format!("TestTotalOfOrder{i}");
        let word = if fails(i) { "FAIL" } else { "PASS" };
        line!(out, "=== RUN   {name}\n    orders_test.go:17: total is {i}\n--- {word}: {name} (0.00s)");
        package_failed |= fails(i);
        if i % PACKAGE == PACKAGE - 1 || i + 1 == tests {
            let package = format!("example.com/shop/orders{}", i / PACKAGE);
            if package_failed {
                line!(out, "FAIL\nFAIL\t{package}\t0.023s");
            } else {
                line!(out, "PASS\nok  \t{package}\t0.023s");
            }
            package_failed = false;
        }
    }
    out += "FAIL\n";
    out
}

/// `go test -json ./...` of the same.
pub(crate) fn go_events(tests: usize) -> String {
    let mut out = String::new();
    let mut package_failed = false;
    for i in 0..tests {
        let (name, package) =
            (format!("TestTotalOfOrder{i}"), format!("example.com/shop/orders{}", i / PACKAGE));
        let start = "{\"Time\":\"2026-11-29T12:00:00.123456789Z\",\"Action\":";
        let of = format!("\"Package\":\"{package}\"");
        let (word, action) = if fails(i) { ("FAIL", "fail") } else { ("PASS", "pass") };
        if i % PACKAGE == 0 {
            line!(out, "{start}\"start\",{of}}}");
        }
        line!(out, "{start}\"run\",{of},\"Test\":\"{name}\"}}");
        line!(out, "{start}\"output\",{of},\"Test\":\"{name}\",\"Output\":\"=== RUN   {name}\\n\"}}");
        line!(
            out,
            "{start}\"output\",{of},\"Test\":\"{name}\",\"Output\":\"    orders_test.go:17: total is {i}\\n\"}}"
        );
        line!(
            out,
            "{start}\"output\",{of},\"Test\":\"{name}\",\"Output\":\"--- {word}: {name} (0.00s)\\n\"}}"
        );
        line!(out, "{start}\"{action}\",{of},\"Test\":\"{name}\",\"Elapsed\":0}}");
        package_failed |= fails(i);
        if i % PACKAGE == PACKAGE - 1 || i + 1 == tests {
            let (word, line, action) =
                if package_failed { ("FAIL", "FAIL\\t", "fail") } else { ("PASS", "ok  \\t", "pass") };
            line!(out, "{start}\"output\",{of},\"Output\":\"{word}\\n\"}}");
            line!(out, "{start}\"output\",{of},\"Output\":\"{line}{package}\\t0.023s\\n\"}}");
            line!(out, "{start}\"{action}\",{of},\"Elapsed\":0.023}}");
            package_failed = false;
        }
    }
    out
}

/// TAP 13 as `node --test` writes it, with a block of YAML behind every test.
pub(crate) fn tap_output(tests: usize) -> String {
    let mut out = "TAP version 13\n".to_owned();
    for i in 1..=tests {
        let name = format!("total of order {i}");
        if fails(i) {
            line!(
                out,
                "not ok {i} - {name}\n  ---\n  duration_ms: 1.29\n  location: '/srv/shop/orders.test.js:6:1'\n  error: \
                 'total is {i}'\n  code: 'ERR_ASSERTION'\n  name: 'AssertionError'\n  stack: |-\n    \
                 orders.test.js:6:1\n    node:internal/test:1:2\n  ..."
            );
        } else {
            line!(out, "ok {i} - {name}\n  ---\n  duration_ms: 0.290634\n  ...");
        }
    }
    line!(out, "1..{tests}");
    out
}
