//! The published JSON Schema of a job, made of the same fields that the reader reads by.

use flaky_core::settings::StopRule;
use serde_json::{Map, Value, json};

use super::fields::{self, Field, NumberField, TextField};
use super::{BESIDE_INPUT, JobFramework};
use crate::environment::Environment;
use crate::plugin::PluginEntry;

/// The JSON Schema of a job: of the bare input, and of a request that holds it as `input`.
///
/// What it cannot say: quotes left open in a command, references that git would refuse, and that `50.0` is no whole
/// number to the reader.
#[must_use]
pub fn schema() -> Value {
    let mut beside: Map<String, Value> =
        BESIDE_INPUT.iter().map(|key| ((*key).to_owned(), json!(true))).collect();
    beside.insert("input".to_owned(), json!({ "$ref": "#/$defs/Input" }));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Job",
        "description": "A job of the worker: the input alone, or a request that holds it as `input`.",
        "if": { "type": "object", "required": ["input"] },
        "then": { "properties": beside, "additionalProperties": false },
        "else": { "$ref": "#/$defs/Input" },
        "$defs": { "Input": input(), "Run": run(), "Shard": shard() },
    })
}

fn input() -> Value {
    let is_shard =
        json!({ "required": ["shard"], "properties": { "shard": { "type": "object", "minProperties": 1 } } });
    json!({
        "description": "A whole run, or a shard of one.",
        "type": "object",
        "propertyNames": { "enum": fields::KEYS },
        "if": is_shard,
        "then": { "$ref": "#/$defs/Shard" },
        "else": { "$ref": "#/$defs/Run" },
    })
}

fn run() -> Value {
    let properties: Map<String, Value> = [
        text(&fields::REPO, Presence::Required),
        // A default of the endpoint may stand in for it; a caller cannot rely on that.
        text(&fields::TEST_COMMAND, Presence::Required),
        number(&fields::RUNS),
        number(&fields::PARALLELISM),
        names(&fields::FRAMEWORK, JobFramework::ALL.iter().map(|(name, _)| *name)),
        text(&fields::REFERENCE, Presence::Optional),
        text(&fields::COMMIT, Presence::Optional),
        number(&fields::SEED),
        number(&fields::TIMEOUT),
        described(&fields::ENV, schemars::schema_for!(Environment).to_value()),
        names(&fields::STOP, StopRule::ALL.iter().map(|(name, _)| *name)),
        tests(),
        plugins(),
        text(&fields::GIT_TOKEN, Presence::Optional),
        described(&fields::SHARD, json!({ "type": ["object", "null"], "maxProperties": 0 })),
    ]
    .into_iter()
    .collect();
    json!({
        "description": "A whole run.",
        "type": "object",
        "required": [fields::REPO.key, fields::TEST_COMMAND.key],
        "properties": properties,
        "additionalProperties": false,
    })
}

fn shard() -> Value {
    let properties: Map<String, Value> = [
        text(&fields::GIT_TOKEN, Presence::Optional),
        described(&fields::SHARD, json!({ "type": "object" })),
    ]
    .into_iter()
    .collect();
    json!({
        "description": "A shard of a run that another `flaky` conducts.",
        "type": "object",
        "required": [fields::SHARD.key],
        "properties": properties,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

fn described(field: &Field, mut schema: Value) -> (String, Value) {
    if let Some(object) = schema.as_object_mut() {
        for of_documents in ["$schema", "title"] {
            object.remove(of_documents);
        }
        object.insert("description".to_owned(), json!(field.description));
    }
    (field.key.to_owned(), schema)
}

fn text(field: &TextField, presence: Presence) -> (String, Value) {
    let kind = if presence == Presence::Required { json!("string") } else { json!(["string", "null"]) };
    let schema = json!({
        "type": kind,
        "pattern": field.pattern,
        "maxLength": field.longest,
        "description": field.description,
    });
    (field.key.to_owned(), schema)
}

fn number(field: &NumberField) -> (String, Value) {
    let mut schema = json!({
        "description": field.description,
        "anyOf": [
            { "type": "integer", "minimum": field.min, "maximum": field.max },
            { "type": "string", "pattern": format!(r"^\s*\+?({})\s*$", digits(field.min, field.max)) },
            { "type": "null" },
        ],
    });
    if let (Some(default), Some(object)) = (field.default, schema.as_object_mut()) {
        object.insert("default".to_owned(), json!(default));
    }
    (field.key.to_owned(), schema)
}

fn names<'n>(field: &Field, names: impl Iterator<Item = &'n str>) -> (String, Value) {
    let values: Vec<Value> = names.map(|name| json!(name)).chain([Value::Null]).collect();
    described(field, json!({ "enum": values }))
}

fn tests() -> (String, Value) {
    let id = json!({
        "type": "string",
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$",
        "maxLength": fields::MAX_TEST_BYTES,
    });
    let list = json!({ "type": ["array", "null"], "items": id, "maxItems": fields::MAX_TESTS });
    described(&fields::TESTS, list)
}

fn plugins() -> (String, Value) {
    let (_, entry) = described(&fields::PLUGINS, schemars::schema_for!(PluginEntry).to_value());
    let list = json!({ "type": ["array", "null"], "items": entry, "maxItems": fields::MAX_PLUGINS });
    described(&fields::PLUGINS, list)
}

/// A regular expression of the digits of every number from `min`, which is 0 or 1, to `max`; zeros before them count
/// for nothing.
fn digits(min: u64, max: u64) -> String {
    let top = max.to_string();
    let mut ways: Vec<String> = Vec::new();
    // Those with fewer digits.
    match top.len() {
        1 => {}
        2 => ways.push("[1-9]".to_owned()),
        length => ways.push(format!("[1-9][0-9]{{0,{}}}", length - 2)),
    }
    // Those with as many: equal up to a place, smaller there, anything after it.
    for (place, digit) in top.char_indices() {
        let least = if place == 0 { '1' } else { '0' };
        if digit > least {
            let below = char::from_u32(u32::from(digit) - 1).unwrap_or(least);
            let rest = top.len() - place - 1;
            let tail = if rest == 0 { String::new() } else { format!("[0-9]{{{rest}}}") };
            let span = if below == least { least.to_string() } else { format!("[{least}-{below}]") };
            ways.push(format!("{}{span}{tail}", &top[..place]));
        }
    }
    ways.push(top);
    if min == 0 {
        ways.push("0".to_owned());
    }
    format!("0*({})", ways.join("|"))
}
