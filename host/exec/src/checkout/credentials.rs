//! What is shown to servers to prove who we are. Never printed, not even by `{:?}`, and overwritten when the last
//! copy is dropped.
//!
//! libgit2 and libssh2 make copies of their own while they use one; libgit2 overwrites its own, libssh2's are freed
//! as they are. So what was used may stay in this process's memory: tests have to run as another user.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// An RSA key of 16,384 bits, the largest that OpenSSH makes, takes 13 kB.
const LARGEST_KEY: usize = 64 * 1024;
/// What files of OpenSSH's own format begin with: PROTOCOL.key of OpenSSH.
const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";
/// The labels of private keys that libssh2 reads (RFC 7468 for the first, OpenSSL's and OpenSSH's for the others).
const LABELS: [&str; 4] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"];

/// Text that is overwritten when it is dropped.
#[derive(PartialEq, Eq)]
struct Secret(String);

impl Drop for Secret {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        // Keeps the compiler from leaving out what nobody reads.
        std::hint::black_box(&bytes);
    }
}

/// An access token for https. Never shown, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpsToken(Arc<Secret>);

impl HttpsToken {
    /// `None` when nothing is left without blanks around, or when it could not be part of a header line.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && !text.chars().any(char::is_control);
        fits.then(|| Self(Arc::new(Secret(text.to_owned()))))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0.0
    }
}

impl fmt::Debug for HttpsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpsToken(…)")
    }
}

/// A private SSH key without passphrase, held in memory. Never shown, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct SshKey(Arc<Secret>);

impl SshKey {
    /// Takes the text of a key file: OpenSSH's own format or PEM. Where line breaks were written as `\n`, as the
    /// forms of some platforms make of them, they become line breaks again.
    ///
    /// # Errors
    /// [`SshKeyError`]; nothing of the text is in it.
    pub fn new(text: &str) -> Result<Self, SshKeyError> {
        if text.len() > LARGEST_KEY {
            return Err(SshKeyError::TooLong);
        }
        // In values that are overwritten, with room for the last line break: they are as secret as the key.
        let lines =
            Secret(if text.trim().contains('\n') { text.to_owned() } else { text.replace("\\n", "\n") });
        let mut clean = Secret(String::with_capacity(lines.0.len() + 1));
        clean.0.extend(lines.0.trim().chars().filter(|c| *c != '\r'));
        let label = check_frame(&clean.0)?;
        if is_encrypted(&clean.0, label) {
            return Err(SshKeyError::Passphrase);
        }
        clean.0.push('\n');
        Ok(Self(Arc::new(clean)))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0.0
    }
}

impl fmt::Debug for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SshKey(…)")
    }
}

/// Text that is no usable private SSH key. Repeats nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SshKeyError {
    /// No file of a key is so long.
    #[error("the SSH key is longer than {} kB", LARGEST_KEY / 1024)]
    TooLong,
    /// Neither PEM nor OpenSSH's format.
    #[error("the SSH key is not the text of a private key file: no `-----BEGIN … PRIVATE KEY-----`")]
    NotAKey,
    /// The other half of the pair.
    #[error("the SSH key is a public one; the private one is needed")]
    Public,
    /// PuTTY's own format.
    #[error("the SSH key is in PuTTY's format; export it in OpenSSH's")]
    Putty,
    /// The last line is missing or another one: something was cut off.
    #[error("the SSH key is cut off: its `-----END … PRIVATE KEY-----` is missing")]
    Cut,
    /// DSA and other kinds that no server accepts any more.
    #[error("the SSH key is of a kind that is not supported; make one with `ssh-keygen -t ed25519`")]
    Unsupported,
    /// It is encrypted.
    #[error(
        "the SSH key has a passphrase, and nobody is there to type it; use a key without one that may do nothing but read the \
         repository"
    )]
    Passphrase,
}

/// The label of a PEM text from its first line to its last.
fn check_frame(text: &str) -> Result<&str, SshKeyError> {
    let first = text.lines().next().unwrap_or_default().trim_end();
    let Some(label) = first.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
        return Err(match first {
            line if line.starts_with("PuTTY-User-Key-File") => SshKeyError::Putty,
            line if line.starts_with("ssh-") || line.starts_with("ecdsa-") => SshKeyError::Public,
            _ => SshKeyError::NotAKey,
        });
    };
    if label.contains("PUBLIC KEY") {
        return Err(SshKeyError::Public);
    }
    if label == "ENCRYPTED PRIVATE KEY" {
        return Err(SshKeyError::Passphrase);
    }
    if !LABELS.contains(&label) {
        return Err(if label.ends_with("PRIVATE KEY") {
            SshKeyError::Unsupported
        } else {
            SshKeyError::NotAKey
        });
    }
    let end = text.lines().next_back().unwrap_or_default().trim_end();
    let same = end.strip_prefix("-----END ").and_then(|rest| rest.strip_suffix("-----")) == Some(label);
    if same { Ok(label) } else { Err(SshKeyError::Cut) }
}

fn is_encrypted(text: &str, label: &str) -> bool {
    if label != "OPENSSH PRIVATE KEY" {
        // RFC 1421, section 4.6.1.1, as OpenSSL writes it.
        return text.lines().any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"));
    }
    // The name of the cipher follows the magic, after its length; both stand in the first line.
    let inner: String = text.lines().filter(|line| !line.starts_with("-----")).take(1).collect();
    let start: String = inner.chars().take(44).collect();
    let Ok(bytes) = STANDARD.decode(start) else { return false };
    let Some(rest) = bytes.strip_prefix(OPENSSH_MAGIC) else { return false };
    rest.get(4..).is_some_and(|name| !name.starts_with(b"none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkout::CheckoutSettings;

    /// `ssh-keygen -t ed25519`; without and with the passphrase `secret`. Made for this test.
    const FRAME: [&str; 2] =
        ["-----BEGIN OPENSSH PRIVATE KEY-----\n", "\n-----END OPENSSH PRIVATE KEY-----\n"];
    const PLAIN: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW";
    const LOCKED: &str = "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABDFIyC2Qm";

    fn openssh(inner: &str) -> String {
        format!("{}{inner}{}", FRAME[0], FRAME[1])
    }

    #[test]
    fn secrets_are_never_shown() {
        let settings = CheckoutSettings {
            token: HttpsToken::new(" s3cret\n"),
            ssh_key: SshKey::new(&openssh(PLAIN)).ok(),
            ..CheckoutSettings::default()
        };
        assert!(settings.token.is_some() && settings.ssh_key.is_some());
        let shown = format!("{settings:?}");
        assert!(!shown.contains("s3cret") && !shown.contains(PLAIN), "{shown}");
    }

    #[test]
    fn a_token_is_one_line_of_text() {
        for text in ["", "  \n", "a\nb", "a\0b", "a\r\nX-Header: b"] {
            assert_eq!(HttpsToken::new(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_key_is_taken_as_its_file_and_as_forms_write_it() {
        let file = openssh(PLAIN);
        let forms =
            [file.clone(), format!("\n  {file}\n\n"), file.replace('\n', "\r\n"), file.replace('\n', "\\n")];
        for form in forms {
            assert_eq!(SshKey::new(&form).unwrap().reveal(), file, "{form:?}");
        }
    }

    #[test]
    fn what_is_no_usable_key_is_told_apart_and_not_repeated() {
        let pem =
            |label: &str, inner: &str| format!("-----BEGIN {label}-----\n{inner}\n-----END {label}-----\n");
        let cases = [
            (String::new(), SshKeyError::NotAKey),
            ("s3cret".into(), SshKeyError::NotAKey),
            (pem("CERTIFICATE", "s3cret"), SshKeyError::NotAKey),
            ("ssh-ed25519 AAAAs3cret me@here".into(), SshKeyError::Public),
            ("ecdsa-sha2-nistp256 AAAAs3cret".into(), SshKeyError::Public),
            (pem("PUBLIC KEY", "s3cret"), SshKeyError::Public),
            ("PuTTY-User-Key-File-3: ssh-ed25519\ns3cret".into(), SshKeyError::Putty),
            (format!("{}s3cret", FRAME[0]), SshKeyError::Cut),
            (pem("RSA PRIVATE KEY", "s3cret").replace("END RSA", "END EC"), SshKeyError::Cut),
            (pem("DSA PRIVATE KEY", "s3cret"), SshKeyError::Unsupported),
            (pem("ENCRYPTED PRIVATE KEY", "s3cret"), SshKeyError::Passphrase),
            (pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\ns3cret"), SshKeyError::Passphrase),
            (openssh(LOCKED), SshKeyError::Passphrase),
            ("x".repeat(LARGEST_KEY + 1), SshKeyError::TooLong),
        ];
        for (text, expected) in cases {
            let error = SshKey::new(&text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
