//! `notify`: which results are sent to people who did not ask.

use std::borrow::Cow;

use flaky_core::notify::{InvalidRule, Rule};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// One entry: a verdict, a verdict from a severity on, or `introduced`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NotifyRule(pub Rule);

impl TryFrom<String> for NotifyRule {
    type Error = InvalidRule;
    fn try_from(text: String) -> Result<Self, InvalidRule> {
        text.parse().map(Self)
    }
}

impl JsonSchema for NotifyRule {
    fn schema_name() -> Cow<'static, str> {
        "NotifyRule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^\\s*(introduced|inconclusive|(stable|flaky|broken)(\\s*>=\\s*[A-Za-z]+)?)\\s*$",
            "description": "`broken`, `flaky`, `stable`, `inconclusive`, such as `flaky>=medium`, or `introduced`.",
        })
    }
}
