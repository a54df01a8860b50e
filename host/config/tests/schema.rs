//! The schema for editors says of a file what the reader says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what tests share may fail the test")]

use std::collections::BTreeSet;
use std::path::Path;

use flaky_config::{ConfigErrorKind, parse, schema};
use serde_json::Value;

/// What a schema can see. It cannot see duplicates, quotes left open, or how two values relate.
const VISIBLE: [&str; 16] = [
    "backend-",
    "unknown-key-",
    "runs-",
    "parallelism-",
    "timeout-",
    "install-timeout-",
    "threshold-above-one",
    "threshold-negative",
    "stable-below-",
    "broken-below-",
    "isolation-",
    "network-",
    "stop-",
    "fail-on-",
    "root-is-",
    "plugin-without-",
];

fn valid_keys() -> BTreeSet<String> {
    let error = parse(Path::new("x.yml"), b"no such key at all: 1\n").unwrap_err();
    match error.kind() {
        ConfigErrorKind::UnknownKey { valid, .. } => valid.iter().map(|key| (*key).to_owned()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_schema_has_every_key_with_a_description_and_refuses_others() {
    let schema = schema();
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(properties.keys().cloned().collect::<BTreeSet<_>>(), valid_keys());
    assert_eq!(schema["additionalProperties"], Value::Bool(false));
    for (key, property) in properties {
        assert!(property["description"].as_str().is_some_and(|text| text.len() > 10), "{key}: {property}");
    }
    for (key, default) in [
        ("parallelism", serde_json::json!(4)),
        ("timeout", serde_json::json!(300)),
        ("fail_on", serde_json::json!("flaky")),
        ("stable_below", serde_json::json!(0.2)),
    ] {
        assert_eq!(properties[key]["default"], default, "{key}");
    }
}

#[test]
fn files_that_load_fit_the_schema_and_unknown_keys_and_wrong_types_do_not() {
    let mut compiler = boon::Compiler::new();
    let mut schemas = boon::Schemas::new();
    compiler.add_resource("schema.json", schema()).unwrap();
    let schema = compiler.compile("schema.json", &mut schemas).unwrap();
    let fits = |case: &Path| -> Option<bool> {
        let text = std::fs::read_to_string(case.join("input.yml")).ok()?;
        let value: Option<Value> = serde_yaml::from_str(&text).ok()?;
        Some(schemas.validate(&value.unwrap_or_default(), schema).is_ok())
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let (mut seen, mut refused) = (0, 0);
    for entry in std::fs::read_dir(root).unwrap() {
        let case = entry.unwrap().path();
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        // Editors read today's YAML, where `on` is text and `010` is ten.
        if ["loads-words-and-numbers-of-older-yaml", "runs-is-octal"].contains(&name.as_str()) {
            continue;
        }
        if name.starts_with("loads-") {
            assert_eq!(fits(&case), Some(true), "{name}");
            seen += 1;
        } else if VISIBLE.iter().any(|prefix| name.starts_with(prefix)) {
            refused += 1;
            assert_ne!(fits(&case), Some(true), "{name}");
        }
    }
    assert!(seen >= 9 && refused >= 40, "{seen} {refused}");
}
