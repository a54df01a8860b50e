//! What Slack refuses, from its reference of Block Kit and of `chat.postMessage`.

use serde_json::Value;

use super::Refusal;
use crate::limits::{
    SLACK_ACTIONS, SLACK_BLOCKS, SLACK_BUTTON_TEXT, SLACK_BUTTON_URL, SLACK_CONTEXT, SLACK_FIELD_TEXT,
    SLACK_FIELDS, SLACK_HEADER_TEXT, SLACK_ID, SLACK_MESSAGE_TEXT, SLACK_SECTION_TEXT, SLACK_UNIT,
};

/// Checks the body of a message.
///
/// # Errors
/// The first thing that Slack would not take.
pub fn check(message: &Value) -> Result<(), Refusal> {
    let fields = message.as_object().ok_or_else(|| Refusal::new("invalid_payload", "not an object"))?;
    let known = [
        "text",
        "blocks",
        "attachments",
        "channel",
        "mrkdwn",
        "username",
        "unfurl_links",
        "unfurl_media",
        "thread_ts",
    ];
    if let Some(unknown) = fields.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(Refusal::new("invalid_payload", format!("`{unknown}` is no field of a message")));
    }
    let text = message["text"].as_str().unwrap_or_default();
    if text.is_empty() && message["blocks"].is_null() && message["attachments"].is_null() {
        return Err(Refusal::new("no_text", "nothing to show"));
    }
    at_most("text", text, SLACK_MESSAGE_TEXT, "msg_too_long")?;
    blocks(&message["blocks"])?;
    for attachment in list(&message["attachments"], "invalid_attachments")? {
        let colour = attachment["color"].as_str().unwrap_or("#000000");
        let hex = colour
            .strip_prefix('#')
            .is_some_and(|c| c.len() == 6 && c.bytes().all(|b| b.is_ascii_hexdigit()));
        if !hex && !["good", "warning", "danger"].contains(&colour) {
            return Err(Refusal::new("invalid_attachments", format!("colour `{colour}`")));
        }
        if attachment["fallback"].is_null() && attachment["text"].is_null() && attachment["blocks"].is_null()
        {
            return Err(Refusal::new("no_text", "an attachment with nothing to show"));
        }
        blocks(&attachment["blocks"])?;
    }
    Ok(())
}

fn list<'a>(value: &'a Value, code: &'static str) -> Result<&'a [Value], Refusal> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(list) => Ok(list),
        _ => Err(Refusal::new(code, "not a list")),
    }
}

fn invalid(what: impl Into<String>) -> Refusal {
    Refusal::new("invalid_blocks", what)
}

fn at_most(name: &str, text: &str, most: usize, code: &'static str) -> Result<(), Refusal> {
    let length = SLACK_UNIT.length(text);
    if length > most {
        return Err(Refusal::new(code, format!("{name}: {length} characters, at most {most}")));
    }
    Ok(())
}

fn blocks(value: &Value) -> Result<(), Refusal> {
    let blocks = list(value, "invalid_blocks")?;
    if blocks.len() > SLACK_BLOCKS {
        return Err(invalid(format!("{} blocks, at most {SLACK_BLOCKS}", blocks.len())));
    }
    let mut ids = Vec::new();
    for block in blocks {
        if let Some(id) = block["block_id"].as_str() {
            at_most("block_id", id, SLACK_ID, "invalid_blocks")?;
            if ids.contains(&id) {
                return Err(invalid(format!("block_id `{id}` twice")));
            }
            ids.push(id);
        }
        one_block(block)?;
    }
    Ok(())
}

fn one_block(block: &Value) -> Result<(), Refusal> {
    match block["type"].as_str() {
        Some("divider") => Ok(()),
        Some("header") => text(&block["text"], SLACK_HEADER_TEXT, &["plain_text"]),
        Some("section") => section(block),
        Some("context") => {
            let elements = list(&block["elements"], "invalid_blocks")?;
            between("context", elements.len(), SLACK_CONTEXT)?;
            elements
                .iter()
                .try_for_each(|element| text(element, SLACK_SECTION_TEXT, &["plain_text", "mrkdwn"]))
        }
        Some("actions") => {
            let elements = list(&block["elements"], "invalid_blocks")?;
            between("actions", elements.len(), SLACK_ACTIONS)?;
            elements.iter().try_for_each(button)
        }
        other => Err(invalid(format!("a block of type {other:?}"))),
    }
}

fn section(block: &Value) -> Result<(), Refusal> {
    let both = ["plain_text", "mrkdwn"];
    if block["text"].is_null() && block["fields"].is_null() {
        return Err(invalid("a section needs text or fields"));
    }
    if !block["text"].is_null() {
        text(&block["text"], SLACK_SECTION_TEXT, &both)?;
    }
    if !block["fields"].is_null() {
        let fields = list(&block["fields"], "invalid_blocks")?;
        between("fields", fields.len(), SLACK_FIELDS)?;
        fields.iter().try_for_each(|field| text(field, SLACK_FIELD_TEXT, &both))?;
    }
    Ok(())
}

fn between(name: &str, count: usize, most: usize) -> Result<(), Refusal> {
    if count == 0 || count > most {
        return Err(invalid(format!("{name}: {count} elements, at least 1 and at most {most}")));
    }
    Ok(())
}

fn button(element: &Value) -> Result<(), Refusal> {
    if element["type"] != "button" {
        return Err(invalid("only buttons are known here"));
    }
    text(&element["text"], SLACK_BUTTON_TEXT, &["plain_text"])?;
    if let Some(id) = element["action_id"].as_str() {
        at_most("action_id", id, SLACK_ID, "invalid_blocks")?;
    }
    match element["style"].as_str() {
        None | Some("primary" | "danger") => {}
        Some(style) => return Err(invalid(format!("button style `{style}`"))),
    }
    let url = element["url"].as_str().unwrap_or("https://none.example");
    at_most("url", url, SLACK_BUTTON_URL, "invalid_blocks")?;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(invalid(format!("button URL `{url}`")));
    }
    Ok(())
}

fn text(object: &Value, most: usize, kinds: &[&str]) -> Result<(), Refusal> {
    let kind = object["type"].as_str().unwrap_or_default();
    if !kinds.contains(&kind) {
        return Err(invalid(format!("a text of type `{kind}`, expected one of {kinds:?}")));
    }
    let text = object["text"].as_str().ok_or_else(|| invalid("a text object without text"))?;
    if text.is_empty() {
        return Err(invalid("an empty text"));
    }
    let wrong = if kind == "plain_text" { "verbatim" } else { "emoji" };
    if !object[wrong].is_null() {
        return Err(invalid(format!("`{wrong}` in a text of type `{kind}`")));
    }
    at_most("text", text, most, "invalid_blocks")
}

/// Every text in which Slack reads markup: mentions, links and formatting.
#[must_use]
pub fn markup(message: &Value) -> Vec<String> {
    let mut found: Vec<String> = message["text"].as_str().map(ToOwned::to_owned).into_iter().collect();
    collect(message, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if fields.get("type").is_some_and(|kind| kind == "mrkdwn") => {
            found.extend(fields.get("text").and_then(Value::as_str).map(ToOwned::to_owned));
        }
        Value::Object(fields) => fields.values().for_each(|value| collect(value, found)),
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(message: &Value) -> String {
        check(message).err().map(|refusal| refusal.code.to_owned()).unwrap_or_default()
    }

    fn with(block: &Value) -> Value {
        json!({"text": "x", "attachments": [{"color": "#00ff00", "blocks": [block]}]})
    }

    #[test]
    fn texts_are_taken_up_to_their_limit_and_refused_beyond() {
        type Make = fn(String) -> Value;
        let cases: [(usize, Make, &str); 6] = [
            (SLACK_MESSAGE_TEXT, |t| json!({ "text": t }), "msg_too_long"),
            (
                SLACK_HEADER_TEXT,
                |t| with(&json!({"type": "header", "text": {"type": "plain_text", "text": t}})),
                "invalid_blocks",
            ),
            (
                SLACK_SECTION_TEXT,
                |t| with(&json!({"type": "section", "text": {"type": "mrkdwn", "text": t}})),
                "invalid_blocks",
            ),
            (
                SLACK_FIELD_TEXT,
                |t| with(&json!({"type": "section", "fields": [{"type": "mrkdwn", "text": t}]})),
                "invalid_blocks",
            ),
            (
                SLACK_BUTTON_TEXT,
                |t| {
                    with(
                        &json!({"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": t}}]}),
                    )
                },
                "invalid_blocks",
            ),
            (SLACK_ID, |t| with(&json!({"type": "divider", "block_id": t})), "invalid_blocks"),
        ];
        for (most, make, code) in cases {
            for wide in ["", "😀"] {
                let text = |length: usize| format!("{wide}{}", "a".repeat(length - SLACK_UNIT.length(wide)));
                assert_eq!(refused(&make(text(most - 1))), "", "{most}");
                assert_eq!(refused(&make(text(most))), "", "{most}");
                assert_eq!(refused(&make(text(most + 1))), code, "{most}");
            }
        }
    }

    #[test]
    fn counts_are_taken_up_to_their_limit_and_refused_beyond() {
        let field = json!({"type": "plain_text", "text": "x"});
        let button = json!({"type": "button", "text": field});
        let many = |value: &Value, count: usize| vec![value.clone(); count];
        for (most, name, element, kind) in [
            (SLACK_FIELDS, "fields", &field, "section"),
            (SLACK_CONTEXT, "elements", &field, "context"),
            (SLACK_ACTIONS, "elements", &button, "actions"),
        ] {
            assert_eq!(refused(&with(&json!({"type": kind, name: many(element, most)}))), "");
            assert_eq!(
                refused(&with(&json!({"type": kind, name: many(element, most + 1)}))),
                "invalid_blocks"
            );
        }
        let blocks = |count| json!({"blocks": many(&json!({"type": "divider"}), count)});
        assert_eq!(
            (refused(&blocks(SLACK_BLOCKS)), refused(&blocks(SLACK_BLOCKS + 1))),
            (String::new(), "invalid_blocks".into())
        );
    }

    #[test]
    fn mistakes_that_were_made_before_are_refused() {
        let text = json!({"type": "plain_text", "text": "x"});
        let cases = [
            (json!({}), "no_text"),
            (json!([]), "invalid_payload"),
            (json!({"text": "x", "colour": "red"}), "invalid_payload"),
            (json!({"attachments": [{"color": "red", "text": "x"}]}), "invalid_attachments"),
            (
                with(
                    &json!({"type": "actions", "elements": [{"type": "button", "text": text, "style": "default"}]}),
                ),
                "invalid_blocks",
            ),
            (
                with(
                    &json!({"type": "actions", "elements": [{"type": "button", "text": text, "url": "javascript:x"}]}),
                ),
                "invalid_blocks",
            ),
            (with(&json!({"type": "section"})), "invalid_blocks"),
            (with(&json!({"type": "section", "text": {"type": "mrkdwn", "text": ""}})), "invalid_blocks"),
            (with(&json!({"type": "header", "text": {"type": "mrkdwn", "text": "x"}})), "invalid_blocks"),
            (
                with(&json!({"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": true}})),
                "invalid_blocks",
            ),
            (
                json!({"blocks": [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}]}),
                "invalid_blocks",
            ),
        ];
        for (message, code) in cases {
            assert_eq!(refused(&message), code, "{message}");
        }
    }
}
