//! `plugin.describe`.

use globset::GlobBuilder;

use super::exports::plugin as wit;
use super::{at_most, plain};
use crate::clean;
use crate::error::PluginErrorKind;
use crate::limits::{LINE_BYTES, MANIFEST_BYTES, WANTS};
use crate::manifest::{Manifest, Want};

/// Checks what a plugin says of itself.
///
/// # Errors
/// The first field that does not hold what the contract says.
pub(crate) fn manifest(found: wit::Manifest) -> Result<Manifest, PluginErrorKind> {
    let wit::Manifest { name, version, summary, settings_schema, wants } = found;
    at_most("manifest.wants", wants.len(), WANTS)?;
    let schema = plain("manifest.settings-schema", settings_schema, MANIFEST_BYTES)?;
    Ok(Manifest {
        name: checked_name(name)?,
        version: one_line("manifest.version", version)?,
        summary: one_line("manifest.summary", summary)?,
        settings_schema: Some(schema).filter(|s| !s.is_empty()),
        wants: wants.into_iter().enumerate().map(|(i, w)| want(i, w)).collect::<Result<_, _>>()?,
    })
}

fn checked_name(name: String) -> Result<String, PluginErrorKind> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=64).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(name);
    }
    let shown: String = clean::line(&name).chars().take(80).collect();
    let why = format!("is not 1 to 64 lower-case letters, digits or `-`: `{shown}`");
    Err(PluginErrorKind::invalid("manifest.name", why))
}

fn one_line(field: &str, text: String) -> Result<String, PluginErrorKind> {
    if text.chars().any(char::is_control) {
        return Err(PluginErrorKind::invalid(field, "holds a control character"));
    }
    plain(field, text, LINE_BYTES)
}

fn want(index: usize, want: wit::Want) -> Result<Want, PluginErrorKind> {
    let field = format!("manifest.wants[{index}]");
    let glob = |pattern: String| {
        // As the matching itself builds it, so that it cannot fail there.
        let built = GlobBuilder::new(&pattern).literal_separator(true).build();
        built.map_err(|e| {
            PluginErrorKind::invalid(&field, format!("is not a glob: {}", clean::line(&e.to_string())))
        })?;
        one_line(&field, pattern)
    };
    Ok(match want {
        wit::Want::ReportFiles(pattern) => Want::ReportFiles(glob(pattern)?),
        wit::Want::TreeFiles(pattern) => Want::TreeFiles(glob(pattern)?),
        wit::Want::ProjectFiles(pattern) => Want::ProjectFiles(glob(pattern)?),
        wit::Want::Http(origin) => Want::Http(one_line(&field, origin)?),
        wit::Want::Secret(name) => Want::Secret(one_line(&field, name)?),
        wit::Want::Commands => Want::Commands,
    })
}
