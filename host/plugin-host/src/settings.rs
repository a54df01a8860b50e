//! Settings from the user, held against the plugin's own schema before the plugin sees them.

use std::error::Error;

use boon::{Compiler, ErrorKind, Schemas, UrlLoader, ValidationError};
use serde_json::Value;

use crate::clean;
use crate::error::PluginErrorKind;

/// The text that `configure` gets.
///
/// # Errors
/// When the schema is none, or the settings do not fit it: the innermost place is named.
pub(crate) fn checked(schema: Option<&str>, settings: &Value) -> Result<String, PluginErrorKind> {
    let Some(schema) = schema else {
        return match settings {
            Value::Null => Ok("{}".into()),
            Value::Object(entries) if entries.is_empty() => Ok("{}".into()),
            _ => {
                Err(PluginErrorKind::Settings { pointer: String::new(), why: "the plugin takes none".into() })
            }
        };
    };
    let empty = Value::Object(serde_json::Map::new());
    let settings = if settings.is_null() { &empty } else { settings };
    validate(schema, settings)?;
    Ok(settings.to_string())
}

fn validate(schema: &str, settings: &Value) -> Result<(), PluginErrorKind> {
    const LOCATION: &str = "plugin:settings";
    let unusable = |why: String| PluginErrorKind::Schema(clean::line(&why));
    let schema: Value = serde_json::from_str(schema).map_err(|e| unusable(format!("it is not JSON: {e}")))?;
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.use_loader(Box::new(NoLoader));
    compiler.add_resource(LOCATION, schema).map_err(|e| unusable(format!("{e:#}")))?;
    let index = compiler.compile(LOCATION, &mut schemas).map_err(|e| unusable(format!("{e:#}")))?;
    schemas.validate(settings, index).map_err(|error| {
        let innermost = innermost(&error);
        PluginErrorKind::Settings {
            pointer: clean::line(&innermost.instance_location.to_string()),
            why: clean::line(&words(&innermost.kind)),
        }
    })
}

/// The first cause of a cause of a cause: groups and references only lead there.
fn innermost<'e, 's, 'v>(error: &'e ValidationError<'s, 'v>) -> &'e ValidationError<'s, 'v> {
    let leads_on = matches!(
        error.kind,
        ErrorKind::Group | ErrorKind::Schema { .. } | ErrorKind::Reference { .. } | ErrorKind::AllOf
    );
    match error.causes.first() {
        Some(cause) if leads_on => innermost(cause),
        _ => error,
    }
}

fn words(kind: &ErrorKind<'_, '_>) -> String {
    match kind {
        ErrorKind::AdditionalProperties { got } => {
            let names: Vec<String> = got.iter().map(|name| format!("`{name}`")).collect();
            format!("the plugin does not know {}", names.join(", "))
        }
        ErrorKind::Required { want } => {
            let names: Vec<String> = want.iter().map(|name| format!("`{name}`")).collect();
            format!("{} must be given", names.join(", "))
        }
        other => other.to_string(),
    }
}

/// A schema stands for itself: what a plugin names in it is not read from anywhere, least of all from files.
struct NoLoader;

impl UrlLoader for NoLoader {
    fn load(&self, url: &str) -> Result<Value, Box<dyn Error>> {
        Err(format!("`{url}` is outside of the schema").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SCHEMA: &str = r#"{
        "type": "object",
        "properties": {
            "level": { "type": "integer", "minimum": 1 },
            "names": { "type": "array", "items": { "$ref": "plugin:settings#/$defs/name" } }
        },
        "required": ["level"],
        "additionalProperties": false,
        "$defs": { "name": { "type": "string" } }
    }"#;

    fn refused(schema: Option<&str>, settings: &Value) -> (String, String) {
        match checked(schema, settings).unwrap_err() {
            PluginErrorKind::Settings { pointer, why } => (pointer, why),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn settings_that_fit_are_passed_on_as_json() {
        assert_eq!(
            checked(Some(SCHEMA), &json!({"level": 2, "names": ["a"]})).unwrap(),
            r#"{"level":2,"names":["a"]}"#
        );
        assert_eq!(checked(None, &Value::Null).unwrap(), "{}");
        assert_eq!(checked(None, &json!({})).unwrap(), "{}");
    }

    #[test]
    fn settings_that_do_not_fit_are_named_by_place() {
        for (settings, pointer, why) in [
            (json!({"level": 0}), "/level", "must be >=1, but got 0"),
            (json!({"level": 1, "names": ["a", 5]}), "/names/1", "want string, but got number"),
            (json!({"level": 1, "lvl": 1}), "", "the plugin does not know `lvl`"),
            (json!({}), "", "`level` must be given"),
            (json!("x"), "", "want object, but got string"),
        ] {
            assert_eq!(refused(Some(SCHEMA), &settings), (pointer.to_owned(), why.to_owned()), "{settings}");
        }
        assert_eq!(refused(None, &json!({"a": 1})), (String::new(), "the plugin takes none".to_owned()));
    }

    #[test]
    fn a_schema_cannot_make_the_host_read_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.json");
        std::fs::write(&path, "{}").unwrap();
        let schema = json!({ "$ref": format!("file://{}", path.display()) }).to_string();
        let error = checked(Some(&schema), &json!({})).unwrap_err();
        assert!(
            matches!(&error, PluginErrorKind::Schema(why) if why.contains("outside of the schema")),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_schema_is_the_plugins_fault() {
        for schema in ["", "nonsense", r#"{"type": 5}"#, r##"{"$ref": "#/nowhere"}"##] {
            let error = checked(Some(schema), &json!({})).unwrap_err();
            assert!(matches!(error, PluginErrorKind::Schema(_)), "{schema}: {error}");
        }
    }
}
