//! User and password of registries: from variables, or from where `docker login` keeps them.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use serde::Deserialize;

/// The largest configuration of Docker that is read: a hundred registries take 20 kB.
const CONFIG_BYTES: u64 = 1 << 20;

/// Where a user's own folder is named.
const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
/// Under this name Docker keeps the credentials of its own registry.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// Where credentials are looked for. Nothing is read before a registry asks.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    given: Option<Login>,
    file: Option<PathBuf>,
}

/// Credentials that are there and cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// Docker's file.
    #[error("`{}` cannot be read: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what Docker writes.
    #[error("`{}` is not a configuration of Docker", .0.display())]
    NotDockers(PathBuf),
    /// Another program keeps them.
    #[error(
        "credentials of `{host}` are kept by the helper `{helper}`, which is not asked: set `FLAKY_REGISTRY_USER` and `FLAKY_REGISTRY_PASSWORD`"
    )]
    Helper {
        /// Of the registry.
        host: String,
        /// The program's name behind `docker-credential-`.
        helper: String,
    },
    /// An OAuth token in place of a password.
    #[error(
        "credentials of `{host}` are an identity token, which is not supported: set `FLAKY_REGISTRY_USER` and `FLAKY_REGISTRY_PASSWORD`"
    )]
    IdentityToken {
        /// Of the registry.
        host: String,
    },
    /// One variable without the other.
    #[error("`FLAKY_REGISTRY_USER` and `FLAKY_REGISTRY_PASSWORD` count only together")]
    Half,
}

/// User and password. Nothing prints them.
#[derive(Clone)]
pub(crate) struct Login {
    user: String,
    password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

impl Login {
    /// For the header `Authorization`.
    pub(crate) fn basic(&self) -> Option<HeaderValue> {
        let text = STANDARD.encode(format!("{}:{}", self.user, self.password));
        let mut value = HeaderValue::from_str(&format!("Basic {text}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    #[serde(default)]
    auths: std::collections::BTreeMap<String, Auth>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Auth {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    identitytoken: String,
}

impl Credentials {
    /// By `FLAKY_REGISTRY_USER` and `FLAKY_REGISTRY_PASSWORD`, which count for every registry that asks, else by
    /// `config.json` in `DOCKER_CONFIG` or `~/.docker`.
    ///
    /// # Errors
    /// When one of the two variables is set without the other.
    pub fn from_environment(var: impl Fn(&str) -> Option<OsString>) -> Result<Self, CredentialsError> {
        let text = |name: &str| var(name).and_then(|v| v.into_string().ok()).filter(|v| !v.is_empty());
        let given = match (text("FLAKY_REGISTRY_USER"), text("FLAKY_REGISTRY_PASSWORD")) {
            (Some(user), Some(password)) => Some(Login { user, password }),
            (None, None) => None,
            _ => return Err(CredentialsError::Half),
        };
        let folder =
            |name: &str| var(name).filter(|v| !v.is_empty()).map(PathBuf::from).filter(|p| p.is_absolute());
        let file = folder("DOCKER_CONFIG").or_else(|| folder(HOME).map(|home| home.join(".docker")));
        Ok(Self { given, file: file.map(|folder| folder.join("config.json")) })
    }

    /// Those of a registry, by host and port.
    pub(crate) fn of(&self, host: &str) -> Result<Option<Login>, CredentialsError> {
        if let Some(login) = &self.given {
            return Ok(Some(login.clone()));
        }
        let Some(path) = &self.file else { return Ok(None) };
        let Some(bytes) = read(path)? else { return Ok(None) };
        let config: DockerConfig =
            serde_json::from_slice(&bytes).map_err(|_| CredentialsError::NotDockers(path.clone()))?;
        config
            .login(host)
            .map_err(|wrong| wrong.unwrap_or_else(|| CredentialsError::NotDockers(path.clone())))
    }
}

impl DockerConfig {
    /// `Err(None)`: what stands there is not what Docker writes.
    fn login(&self, host: &str) -> Result<Option<Login>, Option<CredentialsError>> {
        let is_meant = |key: &String| {
            let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
            let bare = bare.split('/').next().unwrap_or_default();
            bare == host || (host == crate::oci::DOCKER_HUB && key == DOCKER_HUB_KEY)
        };
        let helper = self.cred_helpers.iter().find(|(key, _)| is_meant(key)).map(|(_, helper)| helper);
        let helped =
            |helper: &String| CredentialsError::Helper { host: host.to_owned(), helper: helper.clone() };
        if let Some(helper) = helper {
            return Err(Some(helped(helper)));
        }
        let Some((_, entry)) = self.auths.iter().find(|(key, _)| is_meant(key)) else { return Ok(None) };
        match (entry.auth.is_empty(), entry.identitytoken.is_empty(), &self.creds_store) {
            (true, true, Some(helper)) => Err(Some(helped(helper))),
            (true, true, None) => Ok(None),
            (_, false, _) => Err(Some(CredentialsError::IdentityToken { host: host.to_owned() })),
            (false, true, _) => {
                let decoded = STANDARD.decode(entry.auth.trim()).ok().and_then(|b| String::from_utf8(b).ok());
                let decoded = decoded.ok_or(None)?;
                let (user, password) = decoded.split_once(':').ok_or(None)?;
                Ok(Some(Login {
                    user: user.to_owned(),
                    password: password.trim_end_matches('\0').to_owned(),
                }))
            }
        }
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, CredentialsError> {
    let unreadable = |source| CredentialsError::File { path: path.to_owned(), source };
    // Asked before it is opened: opening a pipe that nobody writes to would wait for ever.
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(CredentialsError::NotDockers(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(CONFIG_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > CONFIG_BYTES {
        return Err(CredentialsError::NotDockers(path.to_owned()));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(config: &str, host: &str) -> Result<Option<(String, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), config).unwrap();
        let path = folder.path().to_owned();
        let credentials =
            Credentials::from_environment(|name| (name == "DOCKER_CONFIG").then(|| path.clone().into()))
                .unwrap();
        let login = credentials.of(host).map_err(|e| e.to_string())?;
        Ok(login.map(|login| (login.user, login.password)))
    }

    #[test]
    fn logins_are_found_by_the_name_of_the_registry_and_by_no_other() {
        // me:secret
        let config = r#"{"auths": {"reg.example.org:5000": {"auth": "bWU6c2VjcmV0"}, "https://other.example.org/v2/": {"auth": "bWU6c2VjcmV0"}, "https://index.docker.io/v1/": {"auth": "bWU6c2VjcmV0"}}}"#;
        for (host, known) in [
            ("reg.example.org:5000", true),
            ("other.example.org", true),
            ("registry-1.docker.io", true),
            ("reg.example.org", false),
            ("reg.example.org.evil:5000", false),
            ("index.docker.io", true),
        ] {
            assert_eq!(found(config, host).unwrap().is_some(), known, "{host}");
        }
        assert_eq!(found(config, "other.example.org"), Ok(Some(("me".into(), "secret".into()))));
    }

    #[test]
    fn what_cannot_be_used_is_named_and_no_secret_is_shown() {
        for (config, said) in [
            (r#"{"credHelpers": {"h": "pass"}}"#, "helper `pass`"),
            (r#"{"auths": {"h": {}}, "credsStore": "desktop"}"#, "helper `desktop`"),
            (r#"{"auths": {"h": {"auth": "bWU6", "identitytoken": "s3cret"}}}"#, "identity token"),
            (r#"{"auths": {"h": {"auth": "%%%"}}}"#, "not a configuration of Docker"),
            ("7", "not a configuration of Docker"),
        ] {
            let error = found(config, "h").unwrap_err();
            assert!(error.contains(said) && !error.contains("s3cret"), "{error}");
        }
        let login = Login { user: "me".into(), password: "s3cret".into() };
        assert!(!format!("{login:?} {:?}", login.basic()).contains("s3cret"));
    }

    #[test]
    fn variables_win_and_count_only_together() {
        let from = |vars: &[(&str, &str)]| {
            Credentials::from_environment(|name| {
                vars.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value))
            })
        };
        let both = from(&[("FLAKY_REGISTRY_USER", "me"), ("FLAKY_REGISTRY_PASSWORD", "secret")]).unwrap();
        assert!(both.of("anywhere").unwrap().is_some());
        assert!(matches!(from(&[("FLAKY_REGISTRY_USER", "me")]), Err(CredentialsError::Half)));
        assert!(from(&[]).unwrap().of("anywhere").unwrap().is_none());
    }
}
