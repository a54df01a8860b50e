//! Bindings generated from the contract, and the only places where generated types become ours or the other way
//! round: one module per interface. What comes from a guest is checked here; no generated type leaves this crate.

pub(crate) mod framework;
pub(crate) mod manifest;
pub(crate) mod parsed;
pub(crate) mod policy;
pub(crate) mod reporter;

use crate::clean;
use crate::error::{At, GuestError, PluginErrorKind};
use crate::limits::{LINE_BYTES, TEXT_BYTES};

/// Code that `bindgen!` writes for contract 0.1.0.
pub(crate) mod v0_1 {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "flaky:plugin/host",
        imports: {
            // Only these may have to wait, for a disk.
            "flaky:plugin/inputs.[method]blob.read": async | trappable,
            "flaky:plugin/inputs.[method]blob.read-text": async | trappable,
            "flaky:plugin/inputs.[method]project.open": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "flaky:plugin/inputs.blob": crate::blob::Blob,
            "flaky:plugin/inputs.attempt": crate::imports::Attempt,
            "flaky:plugin/inputs.project": crate::project::Project,
        },
    });
}

pub(crate) use v0_1::exports::flaky::plugin as exports;
pub(crate) use v0_1::flaky::plugin::{inputs, log, types};

/// A plugin's own error, fit to be shown.
pub(crate) fn guest_error(error: types::PluginError) -> PluginErrorKind {
    let types::PluginError { code, message, hint, at } = error;
    PluginErrorKind::Guest(GuestError {
        code: clean::line(&code),
        message: clean::text(message),
        hint: hint.map(clean::text),
        at: at.map(|(source, offset)| At { source: clean::line(&source_name(&source)), offset }),
    })
}

/// The name by which people know a source.
pub(crate) fn source_name(source: &types::Source) -> String {
    match source {
        types::Source::Stdout => "stdout".into(),
        types::Source::Stderr => "stderr".into(),
        types::Source::Report(path) | types::Source::Tree(path) => path.clone(),
    }
}

/// Refuses lists that are longer than any honest one.
fn at_most(field: &str, length: usize, limit: usize) -> Result<(), PluginErrorKind> {
    if length <= limit {
        return Ok(());
    }
    Err(PluginErrorKind::invalid(field, format!("has {length} entries, more than the {limit} allowed")))
}

/// Refuses a NUL, which neither arguments nor variables nor paths can hold, and anything above `limit` bytes.
fn plain(field: &str, text: String, limit: usize) -> Result<String, PluginErrorKind> {
    if text.contains('\0') {
        return Err(PluginErrorKind::invalid(field, "holds a NUL character"));
    }
    if text.len() > limit {
        let why = format!("has {} bytes, more than the {limit} allowed", text.len());
        return Err(PluginErrorKind::invalid(field, why));
    }
    Ok(text)
}

/// A path that stays below the folder it is relative to: no root, no `..`. `./` and doubled slashes are taken out.
fn relative(field: &str, path: String) -> Result<String, PluginErrorKind> {
    let path = plain(field, path, LINE_BYTES)?;
    let outside = path.starts_with('/') || path.split('/').any(|part| part == "..");
    if outside {
        return Err(PluginErrorKind::invalid(field, format!("leaves its folder: `{}`", clean::line(&path))));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    Ok(parts.join("/"))
}

/// Keys are lower-case snake case; values are one line.
fn tags(field: &str, tags: Vec<(String, String)>) -> Result<Vec<(String, String)>, PluginErrorKind> {
    at_most(field, tags.len(), crate::limits::LIST)?;
    tags.into_iter()
        .map(|(key, value)| {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            if key.is_empty() || key.len() > 64 || !key.bytes().all(fits) {
                let why = format!("has the key `{}`, which is not lower-case snake case", clean::line(&key));
                return Err(PluginErrorKind::invalid(field, why));
            }
            Ok((key, clean::line(&value)))
        })
        .collect()
}

/// A JSON object of ours or a caller's; what is none is sent as `{}`.
fn json_text(text: &str) -> String {
    if text.is_empty() { "{}".into() } else { text.to_owned() }
}

/// Longer text within the contract's bounds.
fn long(text: String) -> String {
    clean::capped(text, TEXT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_stays_below_its_folder() {
        for (path, expected) in [
            ("", Some("")),
            ("a/b", Some("a/b")),
            ("./a//b/", Some("a/b")),
            ("..a/b", Some("..a/b")),
            ("/a", None),
            ("a/../../b", None),
            ("a\0b", None),
        ] {
            assert_eq!(relative("cwd", path.into()).ok().as_deref(), expected, "{path:?}");
        }
    }

    #[test]
    fn tags_have_snake_case_keys_and_values_of_one_line() {
        let tag = |key: &str| tags("tags", vec![(key.into(), "a\nb".into())]).ok();
        assert_eq!(tag("first_seen"), Some(vec![("first_seen".to_owned(), "a b".to_owned())]));
        assert_eq!(tag("First"), None);
        assert_eq!(tag(""), None);
    }
}
