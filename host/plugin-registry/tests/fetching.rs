//! Registries that misbehave: each in one way, and what comes of it. Nothing is ever kept that was not asked for.
#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that several tests share fail as tests do")]

mod common;

use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::RemotePlugin;
use flaky_plugin_registry::{
    Credentials, Expected, Fetched, Patience, Piece, Registry, RegistryError, RegistryErrorKind, Store,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use self::common::{Say, Scripted};

/// Most bytes of a component in these tests.
const LIMIT: u64 = 1 << 20;
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0 and so on";

fn digest(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::new(Sha256::digest(bytes).into())
}

fn manifest_of(layer: Sha256Digest, size: u64) -> String {
    format!(
        r#"{{"schemaVersion": 2, "layers": [{{"mediaType": "application/wasm", "digest": "sha256:{layer}", "size": {size}}}]}}"#
    )
}

fn manifest() -> String {
    manifest_of(digest(COMPONENT), COMPONENT.len() as u64)
}

fn patience() -> Patience {
    Patience {
        connect: Duration::from_secs(5),
        idle: Duration::from_millis(300),
        whole: Duration::from_secs(20),
    }
}

struct Client {
    registry: Registry,
    store: Store,
    folder: TempDir,
}

impl Client {
    fn new(vars: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let var = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
        let registry = Registry::new(Credentials::from_environment(var).unwrap(), patience(), LIMIT);
        Self { registry, store: Store::new(folder.path().to_owned(), LIMIT), folder }
    }

    async fn fetch(&self, address: &str, expected: Expected) -> Result<Fetched, RegistryError> {
        let plugin: RemotePlugin = address.parse().unwrap();
        self.registry.fetch(&plugin, expected, &self.store).await
    }

    /// Of a registry that is expected to be refused, and after which nothing may be left.
    async fn refused(&self, address: &str) -> RegistryErrorKind {
        let error = match self.fetch(address, Expected::default()).await {
            Ok(fetched) => panic!("{fetched:?}"),
            Err(error) => error,
        };
        assert!(error.to_string().contains(address), "it names what was asked for: {error}");
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 0, "nothing is kept: {error}");
        error.kind
    }
}

/// A registry that is as it should be but for blobs.
fn with_blob(manifest: String, blob: impl Fn(&str) -> Say + Send + Sync + 'static) -> Scripted {
    Scripted::new(
        move |head| if head.contains("/manifests/") { Say::ok(manifest.clone()) } else { blob(head) },
    )
}

fn address(server: &Scripted) -> String {
    format!("oci://{}/team/infra:1.2.0", server.host())
}

#[tokio::test]
async fn a_component_is_fetched_by_its_tag_and_found_in_the_store_by_its_digest() {
    let server = with_blob(manifest(), |_| Say::ok(COMPONENT));
    let client = Client::new(&[]);
    let fetched = client.fetch(&address(&server), Expected::default()).await.unwrap();
    assert_eq!((fetched.sha256, fetched.size), (digest(COMPONENT), COMPONENT.len() as u64));
    assert_eq!(fetched.manifest, Some(digest(manifest().as_bytes())));
    assert_eq!(client.store.read(&fetched.sha256).unwrap().as_deref(), Some(COMPONENT));
    assert_eq!(server.count("GET /v2/team/infra/manifests/1.2.0 "), 1);
    // What was locked is asked for by its digest, whatever the tag means by now.
    let expected = Expected { manifest: fetched.manifest, component: Some(fetched.sha256) };
    client.fetch(&address(&server), expected).await.unwrap();
    assert_eq!(
        server.count(&format!("GET /v2/team/infra/manifests/sha256:{} ", digest(manifest().as_bytes()))),
        1
    );
}

#[tokio::test]
async fn what_is_cut_off_swapped_or_changed_is_refused_by_name() {
    let size = COMPONENT.len() as u64;
    let cut = |announced: usize| {
        let mut bytes = format!("HTTP/1.1 200 X\r\nContent-Length: {announced}\r\n\r\n").into_bytes();
        bytes.extend(&COMPONENT[..10]);
        bytes
    };
    let client = Client::new(&[]);
    let whole = COMPONENT.len();
    let server = with_blob(manifest(), move |_| Say::Raw(cut(whole)));
    let kind = client.refused(&address(&server)).await;
    assert!(
        matches!(kind, RegistryErrorKind::Truncated { expected, found: 10, .. } if expected == size),
        "{kind}"
    );
    // A body that ends in order and is too short all the same.
    let server = with_blob(manifest(), |_| Say::ok(&COMPONENT[..10]));
    let kind = client.refused(&address(&server)).await;
    assert!(matches!(kind, RegistryErrorKind::Truncated { found: 10, .. }), "{kind}");
    let mut other = COMPONENT.to_vec();
    other[9] ^= 1;
    let server = with_blob(manifest(), move |_| Say::ok(other.clone()));
    let kind = client.refused(&address(&server)).await;
    assert!(matches!(kind, RegistryErrorKind::Digest { piece: Piece::Component, .. }), "{kind}");
    // A manifest that was edited where it lies: asked for by digest, it is another.
    let server = with_blob(manifest() + " ", |_| Say::ok(COMPONENT));
    let fixed = format!("oci://{}/team/infra@sha256:{}", server.host(), digest(manifest().as_bytes()));
    let kind = client.refused(&fixed).await;
    assert!(matches!(kind, RegistryErrorKind::Digest { piece: Piece::Manifest, .. }), "{kind}");
    assert_eq!(server.count("GET /v2/team/infra/blobs/"), 0, "the component is not even asked for");
}

#[tokio::test]
async fn what_is_too_large_is_refused_as_soon_as_it_is_known() {
    let client = Client::new(&[]);
    let huge = 500 << 20;
    // By the manifest: nothing is asked for.
    let server = with_blob(manifest_of(digest(COMPONENT), huge), |_| Say::ok(COMPONENT));
    let kind = client.refused(&address(&server)).await;
    assert!(
        matches!(kind, RegistryErrorKind::TooLarge { size: Some(size), limit: LIMIT, .. } if size == huge),
        "{kind}"
    );
    assert_eq!(server.count("GET /v2/team/infra/blobs/"), 0);
    // By the announced length: nothing is read.
    let head = format!("HTTP/1.1 200 X\r\nContent-Length: {huge}\r\n\r\n").into_bytes();
    let server = with_blob(manifest(), move |_| Say::Raw(head.clone()));
    let kind = client.refused(&address(&server)).await;
    assert!(matches!(kind, RegistryErrorKind::TooLarge { size: Some(size), .. } if size == huge), "{kind}");
    // By what comes: the first byte too many ends it.
    let server = with_blob(manifest(), move |_| Say::Endless(huge));
    let kind = client.refused(&address(&server)).await;
    assert!(matches!(kind, RegistryErrorKind::TooLarge { size: None, .. }), "{kind}");
    let server = Scripted::new(move |_| Say::Endless(huge));
    let kind = client.refused(&address(&server)).await;
    assert!(matches!(kind, RegistryErrorKind::TooLarge { piece: Piece::Manifest, .. }), "{kind}");
}

#[tokio::test]
async fn redirects_are_followed_to_storage_and_nowhere_else() {
    let client = Client::new(&[]);
    let storage = Scripted::new(|_| Say::ok(COMPONENT));
    let to = format!("http://{}/blob?signature=secret", storage.host());
    let server = with_blob(manifest(), move |_| Say::to(&to));
    client.fetch(&address(&server), Expected::default()).await.unwrap();
    assert_eq!(storage.count("GET /blob?signature=secret "), 1);
    for (to, why) in [
        ("http://storage.example.org/blob?signature=secret", "not encrypted"),
        ("ftp://storage.example.org/blob", "no web server"),
        ("https://me:secret@storage.example.org/blob", "user name or a password"),
        ("http://[", "no address"),
        ("/v2/team/infra/blobs/again", "4 times before"),
    ] {
        let client = Client::new(&[]);
        let server = with_blob(manifest(), move |_| Say::to(to));
        let kind = client.refused(&address(&server)).await;
        let said = kind.to_string();
        assert!(matches!(kind, RegistryErrorKind::Redirect { .. }) && said.contains(why), "{to}: {said}");
        assert!(!said.contains("secret"), "{said}");
    }
    // What a tag means is said by the registry itself.
    let client = Client::new(&[]);
    let elsewhere = with_blob(manifest(), |_| Say::ok(COMPONENT));
    let to = format!("http://{}/v2/team/infra/manifests/1.2.0", elsewhere.host());
    let server = Scripted::new(move |_| Say::to(&to));
    let kind = client.refused(&address(&server)).await;
    assert!(matches!(kind, RegistryErrorKind::Redirect { piece: Piece::Manifest, .. }), "{kind}");
    assert_eq!(elsewhere.count("GET"), 0);
}

#[tokio::test]
async fn a_server_that_is_away_silent_or_broken_is_named() {
    let client = Client::new(&[]);
    let gone = Scripted::new(|_| Say::Silence);
    let silent = address(&gone);
    let kind = client.refused(&silent).await;
    assert!(matches!(kind, RegistryErrorKind::Late { .. }), "{kind}");
    drop(gone);
    let error = client.fetch(&silent, Expected::default()).await.unwrap_err();
    assert!(matches!(error.kind, RegistryErrorKind::Unreachable { .. }) && error.is_outage(), "{error}");
    for (status, outage) in [(500, true), (429, true), (404, false), (400, false)] {
        let server = Scripted::new(move |_| Say::Answer(status, String::new(), b"\x1b[31mno\n".to_vec()));
        let error = client.fetch(&address(&server), Expected::default()).await.unwrap_err();
        assert_eq!(error.is_outage(), outage, "{error}");
        assert!(!error.to_string().contains('\x1b'), "{error:?}");
    }
    for page in [
        "",
        "<html>",
        "{}",
        r#"{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json"}"#,
    ] {
        let server = Scripted::new(move |_| Say::ok(page));
        let kind = client.refused(&address(&server)).await;
        assert!(matches!(kind, RegistryErrorKind::Layout(_)), "{page}: {kind}");
    }
}

const LOGIN: &[(&str, &str)] = &[("FLAKY_REGISTRY_USER", "me"), ("FLAKY_REGISTRY_PASSWORD", "secret")];
/// me:secret
const BASIC: &str = "Basic bWU6c2VjcmV0";

fn header(head: &str, value: &str) -> bool {
    head.lines().any(|line| line.to_ascii_lowercase().starts_with("authorization:") && line.ends_with(value))
}

#[tokio::test]
async fn user_and_password_go_to_the_registry_that_asks_and_not_to_its_storage() {
    let storage = Scripted::new(|_| Say::ok(COMPONENT));
    let to = format!("http://{}/blob", storage.host());
    let server = Scripted::new(move |head| {
        if !header(head, BASIC) {
            return Say::Answer(401, "WWW-Authenticate: Basic realm=\"x\"\r\n".into(), Vec::new());
        }
        if head.contains("/manifests/") { Say::ok(manifest()) } else { Say::to(&to) }
    });
    Client::new(LOGIN).fetch(&address(&server), Expected::default()).await.unwrap();
    let heads = storage.heard.lock().unwrap().clone();
    assert!(heads.iter().all(|head| !head.to_ascii_lowercase().contains("authorization")), "{heads:?}");
    let kind = Client::new(&[]).refused(&address(&server)).await;
    assert!(matches!(kind, RegistryErrorKind::Denied { with_credentials: false, .. }), "{kind}");
    let wrong = [("FLAKY_REGISTRY_USER", "me"), ("FLAKY_REGISTRY_PASSWORD", "s3cret")];
    let kind = Client::new(&wrong).refused(&address(&server)).await;
    assert!(matches!(kind, RegistryErrorKind::Denied { with_credentials: true, .. }), "{kind}");
    assert!(!format!("{kind} {kind:?}").contains("s3cret"));
}

/// A registry that takes the token `t`, which the service at `realm` gives.
fn with_tokens(realm: String) -> Scripted {
    Scripted::new(move |head| {
        if !header(head, "Bearer t") {
            let asks = format!(
                "WWW-Authenticate: Bearer realm=\"{realm}\",service=\"reg\",scope=\"repository:all:delete\"\r\n"
            );
            return Say::Answer(401, asks, Vec::new());
        }
        if head.contains("/manifests/") { Say::ok(manifest()) } else { Say::ok(COMPONENT) }
    })
}

#[tokio::test]
async fn tokens_are_asked_for_what_is_wanted_alone_and_credentials_stay_in_the_registrys_domain() {
    let service = Scripted::new(|head| {
        if header(head, BASIC) || !head.to_ascii_lowercase().contains("authorization") {
            Say::ok(r#"{"token": "t"}"#)
        } else {
            Say::Answer(401, String::new(), Vec::new())
        }
    });
    let server = with_tokens(format!("http://{}/token", service.host()));
    for vars in [&[][..], LOGIN] {
        Client::new(vars).fetch(&address(&server), Expected::default()).await.unwrap();
    }
    assert_eq!(service.count("GET /token?service=reg&scope=repository%3Ateam%2Finfra%3Apull "), 2);
    for realm in ["https://tokens.example.org/", "http://tokens.example.org/", "https://me@127.0.0.1/"] {
        let server = with_tokens(realm.to_owned());
        let kind = Client::new(LOGIN).refused(&address(&server)).await;
        assert!(matches!(kind, RegistryErrorKind::Realm { .. }), "{realm}: {kind}");
    }
    for answer in ["{}", "[]", r#"{"token": 5}"#] {
        let service = Scripted::new(move |_| Say::ok(answer));
        let server = with_tokens(format!("http://{}/token", service.host()));
        let kind = Client::new(&[]).refused(&address(&server)).await;
        assert!(matches!(kind, RegistryErrorKind::Layout(_)), "{answer}: {kind}");
    }
    let service = Scripted::new(|_| Say::Endless(64 << 20));
    let server = with_tokens(format!("http://{}/token", service.host()));
    let kind = Client::new(&[]).refused(&address(&server)).await;
    assert!(matches!(kind, RegistryErrorKind::TooLarge { piece: Piece::Token, .. }), "{kind}");
}
