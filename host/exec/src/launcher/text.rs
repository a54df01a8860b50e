//! Paths, arguments and variables on the wire: text where they are UTF-8, bytes where they are not.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are nearly always text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Wire<'a> {
    Text(std::borrow::Cow<'a, str>),
    Bytes(std::borrow::Cow<'a, [u8]>),
}

impl Text {
    pub(crate) fn os(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }

    pub(crate) fn path(&self) -> &Path {
        Path::new(self.os())
    }

    pub(crate) fn into_path(self) -> PathBuf {
        OsString::from_vec(self.0).into()
    }
}

impl From<&OsStr> for Text {
    fn from(value: &OsStr) -> Self {
        Self(value.as_bytes().to_vec())
    }
}

impl From<&Path> for Text {
    fn from(value: &Path) -> Self {
        value.as_os_str().into()
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => Wire::Text(text.into()),
            Err(_) => Wire::Bytes(self.0.as_slice().into()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Wire::deserialize(deserializer)? {
            Wire::Text(text) => Self(text.into_owned().into_bytes()),
            Wire::Bytes(bytes) => Self(bytes.into_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_arbitrary_bytes_survive_the_wire() {
        for bytes in [&b"plain"[..], "gr\u{fc}n\n\"".as_bytes(), b"\xff\x00\x80", b""] {
            let json = serde_json::to_vec(&Text(bytes.to_vec())).unwrap();
            assert_eq!(serde_json::from_slice::<Text>(&json).unwrap().0, bytes);
        }
    }
}
