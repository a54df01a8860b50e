//! What is shown to servers, and what servers have to show: credentials, host keys, and when to give up.

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::cert::Cert;
use git2::{CertificateCheckStatus, Cred, CredentialType, Error, RemoteCallbacks};

use super::CheckoutSettings;
use super::credentials::{HttpsToken, SshKey};
use super::error::{CheckoutErrorKind, io};
use super::known_hosts::{self, HostKey, KnownHosts, Trust};
use super::source::{RepositoryUrl, Scheme};

/// Files that OpenSSH looks for by default and that can be used without a passphrase, best first: ssh(1), `-i`.
const IDENTITIES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];
/// Hosts with access tokens look at the token alone; GitHub documents this name.
const TOKEN_USER: &str = "x-access-token";

/// What the callbacks of one fetch share.
pub(super) struct Access {
    /// What the user named: the token is for this server.
    named: RepositoryUrl,
    /// What is contacted: the same, unless git's configuration rewrites it.
    url: RepositoryUrl,
    token: Option<HttpsToken>,
    key: Option<SshKey>,
    identities: Vec<PathBuf>,
    known_hosts: KnownHosts,
    stop: Arc<AtomicBool>,
    /// Why a callback refused to go on; libgit2's own message says less.
    refusal: Mutex<Option<CheckoutErrorKind>>,
    offered: Mutex<Vec<String>>,
}

impl Access {
    pub(super) fn new(
        named: &RepositoryUrl,
        url: RepositoryUrl,
        settings: &CheckoutSettings,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, CheckoutErrorKind> {
        let ssh = settings.home.as_deref().map(|home| home.join(".ssh"));
        let mut known_hosts = KnownHosts::default();
        if let Some(file) = &settings.known_hosts {
            known_hosts
                .read(file)
                .map_err(|e| io("read the file of known hosts", &format!("`{}`: {e}", file.display())))?;
        }
        let usual =
            ssh.iter().map(|s| s.join("known_hosts")).chain([PathBuf::from("/etc/ssh/ssh_known_hosts")]);
        for file in usual {
            // Mostly absent in containers; then less is known.
            let _ = known_hosts.read(&file);
        }
        let present = |ssh: &Path| {
            IDENTITIES.iter().map(|name| ssh.join(name)).filter(|path| path.is_file()).collect::<Vec<_>>()
        };
        Ok(Self {
            named: named.clone(),
            url,
            token: settings.token.clone(),
            key: settings.ssh_key.clone(),
            identities: ssh.as_deref().map(present).unwrap_or_default(),
            known_hosts,
            stop,
            refusal: Mutex::default(),
            offered: Mutex::default(),
        })
    }

    /// Whether somebody asked to stop.
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    pub(super) const fn scheme(&self) -> Scheme {
        self.url.scheme()
    }

    /// Callbacks for one connection.
    pub(super) fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        let mut offers = self.offers();
        callbacks.transfer_progress(|_| !self.stopped());
        callbacks.sideband_progress(|_| !self.stopped());
        callbacks.certificate_check(|cert, host| self.check_certificate(cert, host));
        callbacks.credentials(move |url, user, allowed| self.credentials(&mut offers, url, user, allowed));
        callbacks
    }

    /// Why a callback refused, once.
    pub(super) fn take_refusal(&self) -> Option<CheckoutErrorKind> {
        locked(&self.refusal).take()
    }

    /// What was offered to prove who we are, without secrets.
    pub(super) fn offered(&self) -> Vec<String> {
        locked(&self.offered).clone()
    }

    fn offers(&self) -> VecDeque<Offer> {
        match self.url.scheme() {
            Scheme::Https | Scheme::Http => self.token.clone().map(Offer::Token).into_iter().collect(),
            // A key that was given is meant: no other is tried.
            Scheme::Ssh if self.key.is_some() => self.key.clone().map(Offer::Key).into_iter().collect(),
            Scheme::Ssh => {
                let agent = std::env::var_os("SSH_AUTH_SOCK").is_some_and(|s| !s.is_empty());
                let keys = self.identities.iter().cloned().map(Offer::Identity);
                agent.then_some(Offer::Agent).into_iter().chain(keys).collect()
            }
        }
    }

    fn credentials(
        &self,
        offers: &mut VecDeque<Offer>,
        asking: &str,
        user: Option<&str>,
        allowed: CredentialType,
    ) -> Result<Cred, Error> {
        if self.stopped() {
            return Err(Error::from_str("stopped"));
        }
        let user = user.or(self.url.user());
        if allowed.contains(CredentialType::USERNAME) && self.url.scheme() == Scheme::Ssh {
            return Cred::username(user.unwrap_or("git"));
        }
        while let Some(offer) = offers.pop_front() {
            let needed = match offer {
                Offer::Token(_) => CredentialType::USER_PASS_PLAINTEXT,
                Offer::Key(_) => CredentialType::SSH_MEMORY,
                Offer::Agent | Offer::Identity(_) => CredentialType::SSH_KEY,
            };
            if !allowed.contains(needed) {
                continue;
            }
            // A server that sends us on to another one does not hand on the token with us.
            if matches!(offer, Offer::Token(_)) && !self.named.same_server(asking) {
                continue;
            }
            locked(&self.offered).push(offer.to_string());
            return match &offer {
                Offer::Token(token) => Cred::userpass_plaintext(user.unwrap_or(TOKEN_USER), token.reveal()),
                Offer::Key(key) => Cred::ssh_key_from_memory(user.unwrap_or("git"), None, key.reveal(), None),
                Offer::Agent => Cred::ssh_key_from_agent(user.unwrap_or("git")),
                Offer::Identity(path) => Cred::ssh_key(user.unwrap_or("git"), None, path, None),
            };
        }
        *locked(&self.refusal) = Some(CheckoutErrorKind::Auth { offered: self.offered() });
        Err(Error::from_str("no credentials left to offer"))
    }

    fn check_certificate(&self, cert: &Cert<'_>, host: &str) -> Result<CertificateCheckStatus, Error> {
        let Some(shown) = cert.as_hostkey() else {
            // TLS: what OpenSSL found stands.
            return Ok(CertificateCheckStatus::CertificatePassthrough);
        };
        let refuse = |kind| {
            *locked(&self.refusal) = Some(kind);
            Err(Error::from_str("the host key is not trusted"))
        };
        let Some(key) = shown.hostkey().and_then(HostKey::new) else {
            return refuse(CheckoutErrorKind::Unreachable("the SSH server's host key is malformed".into()));
        };
        // The port is known of this host alone.
        if !host.eq_ignore_ascii_case(self.url.host()) {
            return refuse(CheckoutErrorKind::Unreachable(format!(
                "`{}` answered instead",
                host.escape_debug()
            )));
        }
        let name = known_hosts::named(host, self.url.port());
        match self.known_hosts.check(host, self.url.port(), &key) {
            Trust::Known => Ok(CertificateCheckStatus::CertificateOk),
            Trust::Revoked(place) => {
                refuse(CheckoutErrorKind::HostKeyRevoked { host: name, fingerprint: key.fingerprint, place })
            }
            Trust::Changed(place) => refuse(CheckoutErrorKind::HostKeyChanged {
                host: name,
                key_type: key.key_type,
                fingerprint: key.fingerprint,
                place,
            }),
            Trust::Unknown(known_types) => refuse(CheckoutErrorKind::HostKeyUnknown {
                line: format!("{name} {} {}", key.key_type, key.base64),
                host: name,
                key_type: key.key_type,
                fingerprint: key.fingerprint,
                known_types,
            }),
        }
    }
}

enum Offer {
    Token(HttpsToken),
    Key(SshKey),
    Agent,
    Identity(PathBuf),
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("an access token"),
            Self::Key(_) => f.write_str("the SSH key"),
            Self::Agent => f.write_str("the keys of ssh-agent"),
            Self::Identity(path) => write!(f, "`{}`", path.display()),
        }
    }
}

/// A callback that panicked left nothing half-done behind these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
