//! Certificates of authorities are looked up when a server is checked, not all read at the start.
//!
//! OpenSSL reads the system's bundle whenever connections are set up, and the layer above it does so once more: 48 ms of
//! CPU time on a machine with 144 authorities, a multiple of all else that the worker does before its first job. The
//! folder beside the bundle holds the same certificates by the hash of their names, and from there OpenSSL reads the one
//! that it needs, when it needs it. Which of the two is used is decided by two variables that OpenSSL (and with it git's
//! library) reads; so this belongs where the program starts itself anew with an environment of its choice.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// The bundle in the folder.
const BUNDLE: &str = "ca-certificates.crt";
/// A folder with fewer hashed names than this is not what it looks like. Bundles hold about 150 authorities.
const LEAST: usize = 50;

/// Variables that make OpenSSL look certificates up in `folder`. None where somebody has chosen otherwise, or where the
/// folder does not hold what its bundle holds.
pub(crate) fn read_when_needed(
    folder: &Path,
    variables: &[(OsString, OsString)],
) -> Vec<(&'static str, OsString)> {
    let chosen = variables.iter().any(|(name, _)| name == "SSL_CERT_FILE" || name == "SSL_CERT_DIR");
    if chosen || !is_hashed(folder) {
        return Vec::new();
    }
    vec![("SSL_CERT_FILE", "/dev/null".into()), ("SSL_CERT_DIR", folder.into())]
}

/// Whether the folder holds a bundle, and names of the form `0a775a30.0` beside it for as many certificates: the same
/// tool makes both.
fn is_hashed(folder: &Path) -> bool {
    let Ok(bundle) = fs::read(folder.join(BUNDLE)) else { return false };
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let hashed = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_hash)).count();
    let line = b"-----BEGIN CERTIFICATE-----";
    let bundled = bundle.split(|byte| *byte == b'\n').filter(|found| found.trim_ascii() == line).count();
    hashed >= bundled.max(LEAST)
}

fn is_hash(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hash, number)| {
        let hex = hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        hash.len() == 8 && hex && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a bundle of `bundled` and names for `hashed`.
    fn folder(bundled: usize, hashed: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let certificate = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
        fs::write(folder.path().join(BUNDLE), certificate.repeat(bundled)).unwrap();
        for n in 0..hashed {
            fs::write(folder.path().join(format!("{n:08x}.0")), certificate).unwrap();
        }
        folder
    }

    #[test]
    fn the_folder_is_used_only_where_it_holds_all_that_the_bundle_holds() {
        for (bundled, hashed, expected) in
            [(60, 60, true), (60, 61, true), (60, 59, false), (3, 3, false), (60, 0, false)]
        {
            let folder = folder(bundled, hashed);
            let found = read_when_needed(folder.path(), &[]);
            assert_eq!(!found.is_empty(), expected, "{bundled} {hashed}");
        }
        assert!(read_when_needed(Path::new("/nowhere"), &[]).is_empty());
    }

    #[test]
    fn what_somebody_has_chosen_is_kept() {
        let folder = folder(60, 60);
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            assert!(read_when_needed(folder.path(), &[(name.into(), "/mine".into())]).is_empty());
        }
        let found = read_when_needed(folder.path(), &[("PATH".into(), "/bin".into())]);
        assert_eq!(found, [("SSL_CERT_FILE", "/dev/null".into()), ("SSL_CERT_DIR", folder.path().into())]);
    }

    #[test]
    fn only_hashes_with_a_number_are_hashed_names() {
        for (name, expected) in [
            ("0a775a30.0", true),
            ("0a775a30.12", true),
            ("0a775a30.r0", false),
            ("0a775a3.0", false),
            ("0a775a30", false),
            ("0A775A30.0", false),
            ("ca-certificates.crt", false),
            ("0a775a30.", false),
        ] {
            assert_eq!(is_hash(name), expected, "{name}");
        }
    }
}
