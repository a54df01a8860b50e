//! Where components come from, and the checks that need no wasmtime.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::cache::sha256;
use crate::error::{Call, NotAComponent, PluginError, PluginErrorKind};
use crate::limits::COMPONENT_BYTES;

/// The bytes of a plugin, and what to call it.
#[derive(Debug, Clone)]
pub struct PluginSource {
    /// `builtin:NAME`, or path or address as the user wrote it.
    pub label: String,
    /// The component.
    pub bytes: ComponentBytes,
    /// Whether it came with the program. Others are compiled under limits.
    pub trusted: bool,
}

/// The bytes of a component.
#[derive(Debug, Clone)]
pub enum ComponentBytes {
    /// As they are.
    Plain(Cow<'static, [u8]>),
    /// Packed by whoever made the program. They are unpacked only where no compiled code is in the cache.
    Packed(PackedComponent),
}

/// A component of this program, and how to get at it.
#[derive(Debug, Clone, Copy)]
pub struct PackedComponent {
    /// Of the unpacked bytes; held against them when they are unpacked.
    pub sha256: [u8; 32],
    /// Which of the program's components it is, for `unpack`.
    pub number: usize,
    /// Unpacks the one of this number. It need not bound what comes out: the bytes are the program's own.
    pub unpack: fn(usize) -> io::Result<Vec<u8>>,
}

impl PackedComponent {
    /// The component, whole.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, PluginErrorKind> {
        let damaged =
            |why: String| PluginErrorKind::Host(format!("a component of the program is damaged: {why}"));
        let bytes = (self.unpack)(self.number).map_err(|e| damaged(e.to_string()))?;
        if sha256(&bytes) != self.sha256 {
            return Err(damaged("it has another digest".into()));
        }
        check(&bytes).map(|()| bytes)
    }
}

impl PluginSource {
    /// Reads a component from a file.
    ///
    /// # Errors
    /// When it is not a readable regular file of a size that a component may have, or does not begin as a component.
    /// The size is looked at before anything is read.
    pub fn file(path: &Path) -> Result<Self, PluginError> {
        let label = path.display().to_string();
        read(path)
            .and_then(|bytes| check(&bytes).map(|()| bytes))
            .map(|bytes| Self {
                label: label.clone(),
                bytes: ComponentBytes::Plain(Cow::Owned(bytes)),
                trusted: false,
            })
            .map_err(|kind| PluginError::new(&label, Call::Load, kind))
    }

    /// The digest of the component.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        match &self.bytes {
            ComponentBytes::Plain(bytes) => sha256(bytes),
            ComponentBytes::Packed(packed) => packed.sha256,
        }
    }

    /// The checks of [`file`](Self::file), for bytes that came another way. Packed ones are checked once unpacked.
    pub(crate) fn check(&self) -> Result<(), PluginErrorKind> {
        match &self.bytes {
            ComponentBytes::Plain(bytes) => check(bytes),
            ComponentBytes::Packed(_) => Ok(()),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, PluginErrorKind> {
    let unreadable = |error: std::io::Error| PluginErrorKind::Unreadable(error.to_string());
    // Looked at before opening: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(PluginErrorKind::NotAComponent(NotAComponent::NotAFile));
    }
    check_size(metadata.len())?;
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a file that grows meanwhile is noticed.
    fs::File::open(path)
        .and_then(|file| file.take(COMPONENT_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    Ok(bytes)
}

fn check_size(size: u64) -> Result<(), PluginErrorKind> {
    if size > COMPONENT_BYTES {
        return Err(PluginErrorKind::TooLarge { size, limit: COMPONENT_BYTES });
    }
    Ok(())
}

/// Magic number and version: `\0asm`, then 1 for a module; a component has another version and layer 1.
fn check(bytes: &[u8]) -> Result<(), PluginErrorKind> {
    check_size(bytes.len() as u64)?;
    let what = match bytes {
        [] => NotAComponent::Empty,
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => return Ok(()),
        [0, b'a', b's', b'm', _, _, 0, 0, ..] => NotAComponent::CoreModule,
        _ => NotAComponent::NotWasm,
    };
    Err(PluginErrorKind::NotAComponent(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(bytes: &[u8]) -> Option<PluginErrorKind> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.wasm");
        fs::write(&path, bytes).unwrap();
        PluginSource::file(&path).err().map(|e| e.kind().clone())
    }

    #[test]
    fn what_is_not_a_component_is_named_as_what_it_is() {
        let not = |what| Some(PluginErrorKind::NotAComponent(what));
        for (bytes, expected) in [
            (&b""[..], not(NotAComponent::Empty)),
            (b"#!/bin/sh\n", not(NotAComponent::NotWasm)),
            (b"\0as", not(NotAComponent::NotWasm)),
            (b"\0asm\x01\0\0\0", not(NotAComponent::CoreModule)),
            (b"\0asm\x0d\0\x01\0", None),
        ] {
            assert_eq!(kind_of(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_packed_component_is_what_its_digest_says_or_an_error() {
        const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
        fn unpack(number: usize) -> io::Result<Vec<u8>> {
            if number == 7 { Ok(COMPONENT.to_vec()) } else { Err(io::Error::other("cut off")) }
        }
        let whole = PackedComponent { sha256: sha256(COMPONENT), number: 7, unpack };
        assert_eq!(whole.bytes().unwrap(), COMPONENT);
        for (component, why) in [
            (PackedComponent { sha256: [0; 32], ..whole }, "another digest"),
            (PackedComponent { number: 8, ..whole }, "cut off"),
        ] {
            let error = component.bytes().unwrap_err();
            assert!(matches!(&error, PluginErrorKind::Host(text) if text.contains(why)), "{error}");
        }
    }

    #[test]
    fn a_file_of_half_a_gigabyte_is_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big.wasm");
        fs::File::create(&path).unwrap().set_len(500 << 20).unwrap();
        let error = PluginSource::file(&path).unwrap_err();
        assert_eq!(*error.kind(), PluginErrorKind::TooLarge { size: 500 << 20, limit: COMPONENT_BYTES });
        assert!(error.to_string().ends_with("is 500 MB, and a component may have at most 64"), "{error}");
    }

    #[test]
    fn a_missing_file_and_a_folder_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let missing = PluginSource::file(&folder.path().join("none.wasm")).unwrap_err();
        assert!(matches!(missing.kind(), PluginErrorKind::Unreadable(_)), "{missing}");
        let folder = PluginSource::file(folder.path()).unwrap_err();
        assert_eq!(*folder.kind(), PluginErrorKind::NotAComponent(NotAComponent::NotAFile));
    }
}
