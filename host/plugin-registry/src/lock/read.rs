//! Reading a lock file: somebody may have written into it, or merged two of them.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use flaky_files::{NotRegular, open_regular};
use serde::Deserialize;
use toml::Spanned;

use super::{InvalidLock, LockErrorKind, LockedPlugin, VERSION};

/// Longest text of a value: what plugins say of themselves is cut at 4 KiB.
const VALUE_BYTES: usize = 4 << 10;

#[derive(Deserialize)]
struct Head {
    version: Spanned<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "version")]
    _version: u32,
    #[serde(default)]
    plugin: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    source: Spanned<String>,
    version: Spanned<String>,
    #[serde(default)]
    resolved: Option<Spanned<String>>,
    sha256: Spanned<String>,
    size: u64,
    contract: Spanned<String>,
    #[serde(default)]
    wants: Vec<Spanned<String>>,
}

type Wrong = (Option<usize>, InvalidLock);

/// The file's bytes. Links are not followed: the file would be written where they lead.
pub(super) fn bytes(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, LockErrorKind> {
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(NotRegular::Missing) => return Ok(None),
        Err(NotRegular::Other) => return Err(LockErrorKind::NotAFile),
        Err(NotRegular::Io(error)) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(InvalidLock::TooLarge.into());
    }
    Ok(Some(bytes))
}

pub(super) fn parse(text: &str) -> Result<Vec<LockedPlugin>, Wrong> {
    let at = |span: Range<usize>| text.get(..span.start).map(|before| before.matches('\n').count() + 1);
    let syntax = |e: toml::de::Error| (e.span().and_then(at), InvalidLock::Syntax(e.message().to_owned()));
    // Before all else: a later version may say everything otherwise.
    let Head { version } = toml::from_str(text).map_err(syntax)?;
    match *version.get_ref() {
        VERSION => {}
        0 => return Err((at(version.span()), InvalidLock::NoSuchVersion(0))),
        newer => return Err((at(version.span()), InvalidLock::Newer(newer))),
    }
    let document: Document = toml::from_str(text).map_err(syntax)?;
    let mut plugins: Vec<LockedPlugin> = Vec::new();
    for entry in document.plugin {
        let line = at(entry.span());
        let plugin = entry.into_inner().check().map_err(|(span, why)| (at(span), why))?;
        if plugins.iter().any(|other| other.name == plugin.name) {
            return Err((line, InvalidLock::TwoOfAName(plugin.name)));
        }
        if plugins.iter().any(|other| other.source == plugin.source) {
            return Err((line, InvalidLock::TwoOfASource(plugin.source.to_string())));
        }
        plugins.push(plugin);
    }
    plugins.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(plugins)
}

impl Entry {
    fn check(self) -> Result<LockedPlugin, (Range<usize>, InvalidLock)> {
        let resolved = self.resolved.map(|text| value("resolved", &text, manifest)).transpose()?;
        Ok(LockedPlugin {
            name: value("name", &self.name, str::parse)?,
            source: value("source", &self.source, str::parse)?,
            version: value("version", &self.version, line)?,
            resolved,
            sha256: value("sha256", &self.sha256, str::parse)?,
            size: self.size,
            contract: value("contract", &self.contract, line)?,
            wants: self.wants.iter().map(|want| value("wants", want, line)).collect::<Result<_, _>>()?,
        })
    }
}

fn value<T, E: ToString>(
    key: &'static str,
    text: &Spanned<String>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, (Range<usize>, InvalidLock)> {
    parse(text.get_ref()).map_err(|e| (text.span(), InvalidLock::Key { key, why: e.to_string() }))
}

fn manifest(text: &str) -> Result<flaky_core::digest::Sha256Digest, &'static str> {
    let wrong = "expected `sha256:` and 64 hexadecimal digits in lower case";
    text.strip_prefix("sha256:").and_then(|digest| digest.parse().ok()).ok_or(wrong)
}

fn line(text: &str) -> Result<String, &'static str> {
    if text.len() > VALUE_BYTES {
        return Err("longer than 4 KiB");
    }
    if text.chars().any(char::is_control) {
        return Err("holds a control character");
    }
    Ok(text.to_owned())
}
