//! What Discord refuses, from its documentation of webhooks and embeds.

use serde_json::Value;

use super::Refusal;
use crate::limits::{
    DISCORD_ALL_EMBEDS, DISCORD_AUTHOR, DISCORD_CONTENT, DISCORD_DESCRIPTION, DISCORD_EMBEDS,
    DISCORD_FIELD_NAME, DISCORD_FIELD_VALUE, DISCORD_FIELDS, DISCORD_FOOTER, DISCORD_TITLE, DISCORD_UNIT,
    DISCORD_USERNAME,
};

/// Error code 50035 of the API.
const INVALID_FORM: &str = "Invalid Form Body";

/// Error code 50006 of the API.
const EMPTY: &str = "Cannot send an empty message";

/// Largest colour.
const MOST_COLOUR: u64 = 0xff_ff_ff;

/// Checks the body of a message, and that it says whom it mentions: Discord itself takes one that does not, and
/// mentions whoever is named.
///
/// # Errors
/// The first thing that Discord would not take.
pub fn check(message: &Value) -> Result<(), Refusal> {
    if message["allowed_mentions"]["parse"].as_array().is_none_or(|kinds| !kinds.is_empty()) {
        return Err(invalid("`allowed_mentions.parse` is not an empty list"));
    }
    let content = message["content"].as_str().unwrap_or_default();
    at_most("content", content, DISCORD_CONTENT)?;
    if let Some(name) = message["username"].as_str() {
        required("username", name, DISCORD_USERNAME)?;
        let lower = name.to_lowercase();
        if lower.contains("clyde") || lower.contains("discord") {
            return Err(invalid("username: this name is kept for others"));
        }
    }
    let embeds = message["embeds"].as_array().map(Vec::as_slice).unwrap_or_default();
    if content.trim().is_empty() && embeds.is_empty() {
        return Err(Refusal::new(EMPTY, "neither content nor embeds"));
    }
    if embeds.len() > DISCORD_EMBEDS {
        return Err(invalid(format!("{} embeds, at most {DISCORD_EMBEDS}", embeds.len())));
    }
    let mut all = 0;
    for embed in embeds {
        all += one_embed(embed)?;
    }
    if all > DISCORD_ALL_EMBEDS {
        return Err(invalid(format!("embeds: {all} characters together, at most {DISCORD_ALL_EMBEDS}")));
    }
    Ok(())
}

/// Characters that count towards the whole.
fn one_embed(embed: &Value) -> Result<usize, Refusal> {
    let mut all = 0;
    let parts = [
        ("title", &embed["title"], DISCORD_TITLE),
        ("description", &embed["description"], DISCORD_DESCRIPTION),
        ("footer.text", &embed["footer"]["text"], DISCORD_FOOTER),
        ("author.name", &embed["author"]["name"], DISCORD_AUTHOR),
    ];
    for (name, value, most) in parts {
        let text = value.as_str().unwrap_or_default();
        at_most(name, text, most)?;
        all += DISCORD_UNIT.length(text.trim());
    }
    let fields = embed["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    if fields.len() > DISCORD_FIELDS {
        return Err(invalid(format!("{} fields, at most {DISCORD_FIELDS}", fields.len())));
    }
    for field in fields {
        for (key, most) in [("name", DISCORD_FIELD_NAME), ("value", DISCORD_FIELD_VALUE)] {
            let text = field[key].as_str().unwrap_or_default();
            required(key, text, most)?;
            all += DISCORD_UNIT.length(text.trim());
        }
    }
    if !embed["color"].is_null() && embed["color"].as_u64().is_none_or(|colour| colour > MOST_COLOUR) {
        return Err(invalid(format!("color `{}`", embed["color"])));
    }
    if let Some(url) = embed["url"].as_str()
        && !url.starts_with("https://")
        && !url.starts_with("http://")
    {
        return Err(invalid(format!("url `{url}`")));
    }
    Ok(all)
}

fn invalid(what: impl Into<String>) -> Refusal {
    Refusal::new(INVALID_FORM, what)
}

fn at_most(name: &str, text: &str, most: usize) -> Result<(), Refusal> {
    let length = DISCORD_UNIT.length(text);
    if length > most {
        return Err(invalid(format!("{name}: {length} characters, at most {most}")));
    }
    Ok(())
}

fn required(name: &str, text: &str, most: usize) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(invalid(format!("{name}: this field is required")));
    }
    at_most(name, text, most)
}

/// Every text in which Discord reads markup.
#[must_use]
pub fn markup(message: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |value: &Value| found.extend(value.as_str().map(ToOwned::to_owned));
    add(&message["content"]);
    for embed in message["embeds"].as_array().map(Vec::as_slice).unwrap_or_default() {
        add(&embed["title"]);
        add(&embed["description"]);
        for field in embed["fields"].as_array().map(Vec::as_slice).unwrap_or_default() {
            add(&field["name"]);
            add(&field["value"]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(mut message: Value) -> &'static str {
        if message["allowed_mentions"].is_null() {
            message["allowed_mentions"] = json!({"parse": []});
        }
        check(&message).err().map(|refusal| refusal.code).unwrap_or_default()
    }

    #[test]
    fn texts_are_taken_up_to_their_limit_and_refused_beyond() {
        type Make = fn(String) -> Value;
        let cases: [(usize, Make); 8] = [
            (DISCORD_CONTENT, |t| json!({ "content": t })),
            (DISCORD_USERNAME, |t| json!({"content": "x", "username": t})),
            (DISCORD_TITLE, |t| json!({"embeds": [{"title": t}]})),
            (DISCORD_DESCRIPTION, |t| json!({"embeds": [{"description": t}]})),
            (DISCORD_FOOTER, |t| json!({"embeds": [{"footer": {"text": t}}]})),
            (DISCORD_AUTHOR, |t| json!({"embeds": [{"author": {"name": t}}]})),
            (DISCORD_FIELD_NAME, |t| json!({"embeds": [{"fields": [{"name": t, "value": "x"}]}]})),
            (DISCORD_FIELD_VALUE, |t| json!({"embeds": [{"fields": [{"name": "x", "value": t}]}]})),
        ];
        for (most, make) in cases {
            for wide in ["", "😀"] {
                let text =
                    |length: usize| format!("{wide}{}", "a".repeat(length - DISCORD_UNIT.length(wide)));
                assert_eq!(refused(make(text(most - 1))), "", "{most}");
                assert_eq!(refused(make(text(most))), "", "{most}");
                assert_eq!(refused(make(text(most + 1))), INVALID_FORM, "{most}");
            }
        }
    }

    #[test]
    fn counts_and_sums_are_taken_up_to_their_limit_and_refused_beyond() {
        let field = json!({"name": "x", "value": "x"});
        let fields = |count| json!({"embeds": [{"fields": vec![field.clone(); count]}]});
        assert_eq!(
            (refused(fields(DISCORD_FIELDS)), refused(fields(DISCORD_FIELDS + 1))),
            ("", INVALID_FORM)
        );
        let embeds = |count| json!({"embeds": vec![json!({"title": "x"}); count]});
        assert_eq!(
            (refused(embeds(DISCORD_EMBEDS)), refused(embeds(DISCORD_EMBEDS + 1))),
            ("", INVALID_FORM)
        );
        let all = |length: usize| {
            let second = "a".repeat(length - DISCORD_DESCRIPTION);
            json!({"embeds": [{"description": "a".repeat(DISCORD_DESCRIPTION)}, {"description": second}]})
        };
        for (length, code) in
            [(DISCORD_ALL_EMBEDS - 1, ""), (DISCORD_ALL_EMBEDS, ""), (DISCORD_ALL_EMBEDS + 1, INVALID_FORM)]
        {
            assert_eq!(refused(all(length)), code, "{length}");
        }
    }

    #[test]
    fn mistakes_that_are_easily_made_are_refused() {
        let cases = [
            (json!({}), EMPTY),
            (json!({"content": "x", "allowed_mentions": {"parse": ["users"]}}), INVALID_FORM),
            (json!({"content": "x", "allowed_mentions": {}}), INVALID_FORM),
            (json!({"content": "x", "username": "Discord"}), INVALID_FORM),
            (json!({"embeds": [{"title": "x", "color": "#ff0000"}]}), INVALID_FORM),
            (json!({"embeds": [{"title": "x", "color": 0x0100_0000}]}), INVALID_FORM),
            (json!({"embeds": [{"title": "x", "url": "javascript:x"}]}), INVALID_FORM),
            (json!({"embeds": [{"fields": [{"name": " ", "value": "x"}]}]}), INVALID_FORM),
        ];
        for (message, code) in cases {
            assert_eq!(refused(message.clone()), code, "{message}");
        }
    }
}
