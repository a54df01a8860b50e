//! Whether an SSH host key is to be trusted: files of known hosts as OpenSSH writes them, and the published
//! keys of three large hosts. Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".

use std::io::{self, Read};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Thousands of hosts fit; a file beyond that is not one of known hosts.
const LARGEST_FILE: u64 = 4 << 20;
/// SSH's own port: hosts are then named without it.
const DEFAULT_PORT: u16 = 22;

/// Host, type of key and fingerprint, as their owners publish them, read in November 2026 at
/// - <https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints>
/// - <https://docs.gitlab.com/user/gitlab_com/#ssh-host-keys-fingerprints>
/// - <https://support.atlassian.com/bitbucket-cloud/docs/configure-ssh-and-two-step-verification/>
///
/// A file of known hosts that names one of these hosts is asked first, so an exchanged key needs no new release.
const PUBLISHED: [(&str, &str, &str); 9] = [
    ("github.com", "ssh-ed25519", "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"),
    ("github.com", "ecdsa-sha2-nistp256", "SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM"),
    ("github.com", "ssh-rsa", "SHA256:uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s"),
    ("gitlab.com", "ssh-ed25519", "SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8"),
    ("gitlab.com", "ecdsa-sha2-nistp256", "SHA256:HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw"),
    ("gitlab.com", "ssh-rsa", "SHA256:ROQFvPThGrW4RuWLoL9tq9I9zJ42fK4XywyRtbOz/EQ"),
    ("bitbucket.org", "ssh-ed25519", "SHA256:ybgmFkzwOSotHTHLJgHO0QN8L0xErw6vd0VhFA9m3SM"),
    ("bitbucket.org", "ecdsa-sha2-nistp256", "SHA256:FC73VB6C4OQLSCrjEayhMp9UMxS97caD/Yyi2bhW/J0"),
    ("bitbucket.org", "ssh-rsa", "SHA256:46OSHA1Rmj8E8ERTC6xkNcmGOw9oFxYr0WF6zWW8l1E"),
];

/// A key that a server showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostKey {
    /// Such as `ssh-ed25519`, as the key itself says.
    pub(super) key_type: String,
    /// As in a file of known hosts.
    pub(super) base64: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub(super) fingerprint: String,
}

impl HostKey {
    /// `blob` is the key as it travels (RFC 4253, section 6.6): it begins with the length and the name of its type.
    pub(super) fn new(blob: &[u8]) -> Option<Self> {
        let (length, rest) = blob.split_first_chunk::<4>()?;
        let name = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let fits = |b: &u8| b.is_ascii_alphanumeric() || b"-.@".contains(b);
        if name.is_empty() || name.len() > 64 || !name.iter().all(fits) {
            return None;
        }
        Some(Self {
            key_type: String::from_utf8(name.to_vec()).ok()?,
            base64: STANDARD.encode(blob),
            fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob))),
        })
    }
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is the host's.
    Known,
    /// Another key of the same type is the host's; it stands at this place.
    Changed(String),
    /// Marked so at this place.
    Revoked(String),
    /// No key of this type; these types are known.
    Unknown(Vec<String>),
}

/// All files of known hosts together.
#[derive(Debug, Default)]
pub(super) struct KnownHosts {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    hosts: Hosts,
    revoked: bool,
    key_type: String,
    base64: String,
    place: String,
}

#[derive(Debug)]
enum Hosts {
    /// Patterns with `*` and `?`; those that begin with `!` exclude.
    Patterns(Vec<String>),
    /// HMAC-SHA1 of the name under the salt.
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

impl KnownHosts {
    /// Adds a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<()> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(LARGEST_FILE).read_to_end(&mut bytes)?;
        self.add(&String::from_utf8_lossy(&bytes), &path.display().to_string());
        Ok(())
    }

    /// Adds what is understood; as with OpenSSH, other lines are passed over.
    fn add(&mut self, text: &str, name: &str) {
        for (number, line) in text.lines().enumerate() {
            let mut fields = line.split_ascii_whitespace().peekable();
            let marker = fields.next_if(|f| f.starts_with('@'));
            let (Some(hosts), Some(key_type), Some(base64)) = (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            // Certificates of hosts (`@cert-authority`) are never shown to us: libssh2 does not ask for them.
            if hosts.starts_with('#') || marker.is_some_and(|m| m != "@revoked") {
                continue;
            }
            let Some(hosts) = Hosts::parse(hosts) else { continue };
            self.entries.push(Entry {
                hosts,
                revoked: marker.is_some(),
                key_type: key_type.to_owned(),
                base64: base64.to_owned(),
                place: format!("`{name}` line {}", number + 1),
            });
        }
    }

    /// Whether `key` is that of `host` at `port`.
    pub(super) fn check(&self, host: &str, port: u16, key: &HostKey) -> Trust {
        let host = host.to_ascii_lowercase();
        let found = self.check_name(&named(&host, port), key);
        let Trust::Unknown(types) = found else { return found };
        if port == DEFAULT_PORT {
            return check_published(&host, key, types);
        }
        // Like OpenSSH: the key of the host at its usual port is good at another one too, a different one there
        // says nothing.
        match self.check_name(&host, key) {
            found @ (Trust::Known | Trust::Revoked(_)) => found,
            _ => Trust::Unknown(types),
        }
    }

    fn check_name(&self, name: &str, key: &HostKey) -> Trust {
        let matching: Vec<&Entry> = self.entries.iter().filter(|e| e.hosts.include(name)).collect();
        let same = |e: &&&Entry| e.base64 == key.base64;
        if let Some(entry) = matching.iter().filter(|e| e.revoked).find(same) {
            return Trust::Revoked(entry.place.clone());
        }
        let valid: Vec<&Entry> = matching.into_iter().filter(|e| !e.revoked).collect();
        if valid.iter().any(|e| e.base64 == key.base64) {
            return Trust::Known;
        }
        if let Some(other) = valid.iter().find(|e| e.key_type == key.key_type) {
            return Trust::Changed(other.place.clone());
        }
        let mut types: Vec<String> = valid.iter().map(|e| e.key_type.clone()).collect();
        types.sort();
        types.dedup();
        Trust::Unknown(types)
    }
}

fn check_published(host: &str, key: &HostKey, types: Vec<String>) -> Trust {
    match PUBLISHED.iter().find(|(name, kind, _)| *name == host && *kind == key.key_type) {
        Some((_, _, fingerprint)) if *fingerprint == key.fingerprint => Trust::Known,
        Some(_) => Trust::Changed(format!("the list of published keys of {host}")),
        None => Trust::Unknown(types),
    }
}

/// How files of known hosts name a host: the port only where it is not the usual one.
pub(super) fn named(host: &str, port: u16) -> String {
    if port == DEFAULT_PORT { host.to_owned() } else { format!("[{host}]:{port}") }
}

impl Hosts {
    fn parse(text: &str) -> Option<Self> {
        let Some(hashed) = text.strip_prefix("|1|") else {
            return Some(Self::Patterns(text.split(',').map(str::to_ascii_lowercase).collect()));
        };
        let (salt, hash) = hashed.split_once('|')?;
        Some(Self::Hashed { salt: STANDARD.decode(salt).ok()?, hash: STANDARD.decode(hash).ok()? })
    }

    fn include(&self, name: &str) -> bool {
        match self {
            Self::Hashed { salt, hash } => hmac_sha1(salt, name.as_bytes())[..] == hash[..],
            Self::Patterns(patterns) => {
                let (not, yes): (Vec<&String>, Vec<&String>) =
                    patterns.iter().partition(|p| p.starts_with('!'));
                !not.iter().any(|p| matches(p.trim_start_matches('!').as_bytes(), name.as_bytes()))
                    && yes.iter().any(|p| matches(p.as_bytes(), name.as_bytes()))
            }
        }
    }
}

/// `*` for any text, `?` for one byte. Goes back to the last `*` only, so it takes at most
/// pattern × name steps.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, n) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// RFC 2104. The hash hides names from a reader of the file; nothing is authenticated by it.
fn hmac_sha1(key: &[u8], text: &[u8]) -> [u8; 20] {
    const BLOCK: usize = 64;
    let mut padded = [0_u8; BLOCK];
    if key.len() > BLOCK {
        padded[..20].copy_from_slice(&Sha1::digest(key));
    } else {
        padded[..key.len()].copy_from_slice(key);
    }
    let inner = Sha1::new().chain_update(padded.map(|b| b ^ 0x36)).chain_update(text).finalize();
    Sha1::new().chain_update(padded.map(|b| b ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Public keys of GitHub and Bitbucket, as they publish them.
    const GITHUB: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const BITBUCKET: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIIazEu89wgQZ4bqs3d63QSMzYVa0MuJ2e2gKTKqu+UUO";

    fn key(base64: &str) -> HostKey {
        HostKey::new(&STANDARD.decode(base64).unwrap()).unwrap()
    }

    #[test]
    fn hashing_agrees_with_rfc_2202() {
        let cases: [(&[u8], &[u8], &str); 3] = [
            (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (&[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
            (
                &[0xaa; 80],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
        ];
        for (key, text, expected) in cases {
            let hex: String = hmac_sha1(key, text).iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(hex, expected);
        }
    }

    #[test]
    fn published_fingerprints_agree_with_published_keys() {
        for (host, base64) in [("github.com", GITHUB), ("bitbucket.org", BITBUCKET)] {
            assert_eq!(key(base64).key_type, "ssh-ed25519");
            assert_eq!(KnownHosts::default().check(host, 22, &key(base64)), Trust::Known);
        }
        let other = KnownHosts::default().check("github.com", 22, &key(BITBUCKET));
        assert_eq!(other, Trust::Changed("the list of published keys of github.com".into()));
        assert_eq!(
            KnownHosts::default().check("github.com.evil.example", 22, &key(GITHUB)),
            Trust::Unknown(vec![])
        );
        assert_eq!(KnownHosts::default().check("github.com", 2222, &key(GITHUB)), Trust::Unknown(vec![]));
    }

    #[test]
    fn malformed_keys_are_refused() {
        let cases: [&[u8]; 5] = [b"", b"\0\0\0", b"\0\0\0\x09ssh", b"\xff\xff\xff\xffssh", b"\0\0\0\x03a\nb"];
        for blob in cases {
            assert_eq!(HostKey::new(blob), None);
        }
    }

    #[test]
    fn entries_are_found_as_openssh_finds_them() {
        let known = || Trust::Known;
        let changed = || Trust::Changed("`f` line 1".into());
        let unknown = || Trust::Unknown(vec![]);
        // The hashed one was made by `ssh-keygen -H` for `[git.example]:2222`.
        let line = |hosts: &str, base64: &str| format!("{hosts} ssh-ed25519 {base64} a comment");
        let cases: Vec<(String, &str, u16, Trust)> = vec![
            (line("git.example", GITHUB), "git.example", 22, known()),
            (line("git.example", GITHUB), "GIT.example", 22, known()),
            (line("a,git.example", GITHUB), "git.example", 22, known()),
            (line("*.example", GITHUB), "git.example", 22, known()),
            (line("g?t.example", GITHUB), "git.example", 22, known()),
            (line("*.example,!git.example", GITHUB), "git.example", 22, unknown()),
            (line("git.example", BITBUCKET), "git.example", 22, changed()),
            (line("github.com", BITBUCKET), "github.com", 22, changed()),
            (line("[git.example]:2222", GITHUB), "git.example", 2222, known()),
            (line("[git.example]:2222", BITBUCKET), "git.example", 2222, changed()),
            (line("[git.example]:2222", GITHUB), "git.example", 22, unknown()),
            (line("git.example", GITHUB), "git.example", 2222, known()),
            (line("git.example", BITBUCKET), "git.example", 2222, unknown()),
            (line("@revoked *", GITHUB), "git.example", 22, Trust::Revoked("`f` line 1".into())),
            (line("@revoked *", GITHUB), "github.com", 22, Trust::Revoked("`f` line 1".into())),
            (line("@cert-authority *", GITHUB), "git.example", 22, unknown()),
            (line("#git.example", GITHUB), "git.example", 22, unknown()),
            (line("|1|not base64|x", GITHUB), "git.example", 22, unknown()),
            ("git.example ssh-rsa AAAA".into(), "git.example", 22, Trust::Unknown(vec!["ssh-rsa".into()])),
            ("git.example".into(), "git.example", 22, unknown()),
        ];
        for (line, host, port, expected) in cases {
            let mut hosts = KnownHosts::default();
            hosts.add(&line, "f");
            assert_eq!(hosts.check(host, port, &key(GITHUB)), expected, "{line} for {host} {port}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let pattern = "*a".repeat(10_000);
        assert!(!matches(pattern.as_bytes(), &b"a".repeat(253)));
    }
}
