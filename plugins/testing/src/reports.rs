//! Report documents for tests of reporters, made up: every verdict, hostile text, many tests.

use serde_json::{Map, Value, json};

/// A report of these tests, in the shape of the published schema.
#[must_use]
pub fn report(attempts: u32, tests: Vec<Value>) -> Value {
    let failing: std::collections::BTreeSet<u64> = tests
        .iter()
        .flat_map(|test| test["failing_seeds"].as_array().into_iter().flatten().filter_map(Value::as_u64))
        .collect();
    let failures = failing.len();
    let rows: Vec<Value> = failing
        .iter()
        .map(|seed| {
            json!({"attempt": seed - 1, "seed": seed, "exit": {"code": 1}, "wall_seconds": 0.4,
                   "failed_tests": 1})
        })
        .collect();
    json!({
        "report_version": 1, "run": "r-20261129-1", "flaky_version": "0.1.0",
        "total_runs": attempts, "failures": failures,
        "repro_rate": thousandths(failures as f64 / f64::from(attempts.max(1))),
        "verdict": "broken", "cause": null, "severity": "CRITICAL",
        "reason": format!("of {} tests some are broken and some flaky, in {attempts} attempts", tests.len()),
        "hint": "look at the first test",
        "isolation": {"asked": "auto", "used": "full", "why": null},
        "subject": {"source": "https://example.org/team/shop.git",
                    "commit": "3f2a9d1c4b5e6f708192a3b4c5d6e7f8091a2b3c", "reference": null,
                    "command": ["pytest", "tests/"], "working_directory": "", "framework": "python",
                    "parser": "pytest"},
        "execution": {"planned": attempts, "parallelism": 8, "finished": attempts, "seeds": {"first": 1},
                      "alone": 0, "interrupted": false, "wall_seconds": 48.2, "cpu_seconds": 310.0,
                      "peak_memory": 83_000_000, "reproduce": "flaky reproduce r-20261129-1 --seed 3"},
        "tests": tests, "clusters": [], "attempts": rows, "plugins": [], "notes": []
    })
}

/// A test that failed in these attempts of as many, in as many ways as there are messages.
///
/// # Panics
/// When there are failures and no message.
#[must_use]
pub fn test(id: &str, verdict: &str, attempts: u32, failing: &[u64], messages: &[(&str, &str)]) -> Value {
    let failures = u32::try_from(failing.len()).unwrap_or(u32::MAX);
    let rate = f64::from(failures) / f64::from(attempts.max(1));
    let groups: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(at, (kind, message))| {
            let seeds: Vec<u64> = failing.iter().copied().skip(at).step_by(messages.len()).collect();
            json!({"fingerprint": format!("{at:016x}"), "count": seeds.len(), "kind": kind,
                   "message": message, "trace": format!("tests/test_shop.py:31: {kind}\n{message}"),
                   "seeds": seeds})
        })
        .collect();
    let severity = match verdict {
        "broken" => json!("CRITICAL"),
        "flaky" => json!("MEDIUM"),
        "stable" => json!("NONE"),
        _ => Value::Null,
    };
    // Good enough for tests of reporters: the interval of Wilson without its refinements.
    let width = 1.96 * (rate * (1.0 - rate) / f64::from(attempts.max(1))).sqrt() + 0.01;
    json!({
        "id": id, "ran": attempts, "failures": failures, "rate": rate,
        "interval": {"low": (rate - width).max(0.0), "high": (rate + width).min(1.0), "level": 0.95},
        "verdict": verdict, "severity": severity, "confidence": 0.95,
        "reason": format!("failed {failures} of {attempts}"), "decided_by": "thresholds",
        "counts": {"ran": attempts, "passed": attempts - failures, "failed": failures, "errored": 0,
                   "timed_out": 0, "crashed": 0, "skipped": 0, "missing": 0, "retried": 0},
        "failing_seeds": failing, "failure_groups": groups, "median_seconds": 0.125
    })
}

/// The test, with these fields beside its own.
#[must_use]
pub fn with(mut test: Value, more: Value) -> Value {
    if let (Some(test), Value::Object(more)) = (test.as_object_mut(), more) {
        test.extend::<Map<String, Value>>(more);
    }
    test
}

/// One test of every verdict, an ignored one, and ids as frameworks make them.
#[must_use]
pub fn verdicts() -> Value {
    let all: Vec<u64> = (1..=100).collect();
    let some: Vec<u64> = (1..=100).filter(|seed| seed % 3 == 0).collect();
    let two = [("AssertionError", "took 0.214 s"), ("TimeoutError", "no answer after 2 s")];
    let place = json!({"location": {"file": "tests/test_shop.py", "line": 31}});
    report(
        100,
        vec![
            with(
                test("tests/test_shop.py::TestCart::test_total[a::b]", "broken", 100, &all, &two),
                place.clone(),
            ),
            with(
                test("tests/test_shop.py::test_order", "flaky", 100, &some, &two),
                json!({"location": {"file": "tests/test_shop.py", "line": 58},
                       "base": {"ran": 100, "failed": 0, "change": "introduced", "p_value": 0.0001},
                       "reproduction": {"command": "flaky reproduce r-20261129-1 --seed 3", "shell": "pytest -x",
                                        "seed": 3, "only_this_test": false, "shuffled": false, "failed": 4,
                                        "ran": 5}}),
            ),
            test("tests/cart.test.ts > a cart > adds up", "inconclusive", 5, &[], &[]),
            with(test("com.acme.CartTest::ignored", "broken", 100, &all, &two), json!({"ignored": true})),
            with(test("tests/test_shop.py::test_stable", "stable", 100, &[], &[]), place),
            test("is reached within fifty metres", "stable", 100, &[], &[]),
        ],
    )
}

/// Texts that a page, an XML file or a terminal could take for something else: all the ways that reporters were
/// ever fooled in.
#[must_use]
pub fn hostile_texts() -> Vec<String> {
    let texts = [
        "<script>window.pwned=1</script>",
        "</script><script>window.pwned=1</script>",
        "<!--<script>window.pwned=1</script>",
        "--><script>window.pwned=1</script>",
        "]]><script>window.pwned=1</script>",
        "<img src=x onerror=window.pwned=1>",
        "<svg onload=window.pwned=1>",
        "<svg><script>window.pwned=1</script></svg>",
        "<math><mi//xlink:href=\"data:x,<script>window.pwned=1</script>\">",
        "<iframe srcdoc=\"<script>parent.pwned=1</script>\"></iframe>",
        "<a href=\"javascript:window.pwned=1\">click</a>",
        "\" onmouseover=\"window.pwned=1",
        "' onfocus='window.pwned=1' autofocus='",
        "\" autofocus onfocus=\"window.pwned=1\" x=\"",
        "<style>@import 'https://evil.example/x.css';</style>",
        "<link rel=stylesheet href=https://evil.example/x.css>",
        "<base href=https://evil.example/>",
        "<meta http-equiv=refresh content=\"0;url=https://evil.example/\">",
        "<form action=https://evil.example/><input name=x></form>",
        "<template><script>window.pwned=1</script></template>",
        "<noscript><p title=\"</noscript><img src=x onerror=window.pwned=1>\">",
        "<textarea><img title=\"</textarea><img src=x onerror=window.pwned=1>\">",
        "<title></title><script>window.pwned=1</script>",
        "&lt;script&gt;window.pwned=1&lt;/script&gt;",
        "&#60;script&#62;window.pwned=1&#60;/script&#62;",
        "\\u003cscript\\u003ewindow.pwned=1\\u003c/script\\u003e",
        "${window.pwned=1}",
        "{{constructor.constructor('window.pwned=1')()}}",
        "__proto__",
        "constructor",
        "toString",
        "\u{2028}window.pwned=1//\u{2029}",
        "\u{202e}txt.exe\u{202c}",
        "\u{2066}isolated\u{2069} zero\u{200b}width\u{feff}",
        "\u{1b}[31mred\u{1b}[0m \u{1b}]8;;https://evil.example\u{7}link\u{1b}]8;;\u{7}",
        "null\u{0}byte \u{fffe}\u{ffff} \u{7f}\u{9b}",
        "@everyone <!channel> <@U123> #1 ![](https://evil.example/x.png)",
        "| a | b |\n|---|---|\n```\nfence\n```",
        "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>&e;",
        "😀 e\u{301} 日本語 العربية \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    ];
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// A report in which every text that tests can choose is hostile, one of them a megabyte long.
#[must_use]
pub fn hostile() -> Value {
    let mut texts = hostile_texts();
    texts.push("<b>long".repeat(150_000));
    let tests = texts.iter().map(|text| {
        let id = text.chars().take(1000).collect::<String>();
        let made = test(&id, "broken", 20, &[1, 2, 3, 4], &[(text, text), ("E", text)]);
        with(
            made,
            json!({"reason": text, "location": {"file": id, "line": 1},
                   "tags": [["note", id]],
                   "reproduction": {"command": id, "shell": id, "seed": 1, "only_this_test": true,
                                    "shuffled": false, "failed": 1, "ran": 1}}),
        )
    });
    let mut made = report(20, tests.collect());
    let all = texts.first().cloned().unwrap_or_default();
    if let Some(fields) = made.as_object_mut() {
        fields.insert("reason".into(), json!(all));
        fields.insert("hint".into(), json!(texts.get(1)));
        fields.insert("notes".into(), texts.iter().map(|text| json!({"code": "x", "text": text})).collect());
        fields.insert(
            "clusters".into(),
            json!([{"tests": texts.get(..5), "attempts": [0, 1], "together": 0.9, "kind": texts.get(2),
                    "message": texts.get(3), "cause": texts.get(4), "seen": texts.get(5), "text": texts.get(6)}]),
        );
        fields.insert(
            "subject".into(),
            json!({"source": texts.get(1), "commit": texts.get(1), "reference": texts.get(2),
                   "command": texts.get(..8), "working_directory": "", "framework": texts.get(2), "parser": null}),
        );
    }
    made
}

/// Many tests, as a large suite has them: four of five are stable, the others fail at all rates and in up to four ways.
#[must_use]
pub fn large(tests: u32, attempts: u32) -> Value {
    let messages = [
        (
            "AssertionError",
            "assert total == 300\nE  assert 299 == 300\nE   +  where 299 = sum([100, 99, 100])",
        ),
        (
            "AssertionError",
            "assert total == 300\nE  assert 298 == 300\nE   +  where 298 = sum([100, 98, 100])",
        ),
        ("ConnectionError", "HTTPConnectionPool(host='127.0.0.1', port=5432): connection refused"),
        ("TimeoutError", "no answer within 2.0 s"),
    ];
    let mut chance = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: u64| {
        // xorshift64 (G. Marsaglia, 2003): the same report every time.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance % below.max(1)
    };
    let mut made = Vec::new();
    for at in 0..tests {
        let file = format!("tests/area_{:02}/test_module_{:03}.py", at % 40, at % 400);
        let id = format!("{file}::TestFeature{:02}::test_case_{at:05}[size-{}]", at % 17, at % 5);
        let (verdict, percent) = match at {
            _ if at < tests / 50 => ("broken", 97 + random(4)),
            _ if at < tests / 5 => ("flaky", 1 + random(60)),
            _ => ("stable", 0),
        };
        let failing: Vec<u64> = (1..=u64::from(attempts)).filter(|_| random(100) < percent).collect();
        let ways = if failing.is_empty() { 0 } else { 1 + random(4) as usize };
        let used = messages.get(..ways).unwrap_or_default();
        made.push(with(
            test(&id, verdict, attempts, &failing, used),
            json!({"location": {"file": file, "line": 10 + at % 300},
                   "median_seconds": random(4000) as f64 / 1000.0}),
        ));
    }
    report(attempts, made)
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
