//! From an address to a component in the store.

use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::{HttpsAddress, OciAddress, OciVersion};
use reqwest::Url;
use reqwest::header::{ACCEPT, HeaderValue};

use crate::auth::{Action, Session};
use crate::credentials::Credentials;
use crate::error::{Piece, RegistryErrorKind};
use crate::oci::{self, Layer, MANIFEST_BYTES, MANIFEST_TYPE};
use crate::registry::{Expected, Fetched, Resolved};
use crate::store::{Arrived, Store, sha256};
use crate::wire::{Redirects, Request, Wire};

/// A file of a web server.
pub(crate) async fn https(
    wire: &Wire,
    address: &HttpsAddress,
    expected: Option<Sha256Digest>,
    store: &Store,
    limit: u64,
) -> Result<Fetched, RegistryErrorKind> {
    let url =
        Url::parse(address.as_str()).map_err(|_| RegistryErrorKind::Address(address.as_str().to_owned()))?;
    let mut request = Request::get(url, Piece::Component);
    request.redirects = Redirects::Follow;
    let response = wire.send(request).await?;
    if response.status().as_u16() != 200 {
        return Err(wire.refused(response, Piece::Component, false).await);
    }
    let arrived = wire.receive(response, store.incoming()?, limit).await?;
    keep(store, arrived, expected, None)
}

/// What a tag means at the moment.
pub(crate) async fn resolve(
    wire: &Wire,
    credentials: &Credentials,
    address: &OciAddress,
) -> Result<Resolved, RegistryErrorKind> {
    let mut session = Session::new(wire, credentials, address, Action::Pull);
    let (digest, layer) = manifest(wire, &mut session, address, None).await?;
    Ok(Resolved { manifest: Some(digest), component: Some(layer.digest), version: layer.version })
}

/// The component of an artifact.
pub(crate) async fn oci(
    wire: &Wire,
    credentials: &Credentials,
    address: &OciAddress,
    expected: Expected,
    store: &Store,
    limit: u64,
) -> Result<Fetched, RegistryErrorKind> {
    let mut session = Session::new(wire, credentials, address, Action::Pull);
    let (digest, layer) = manifest(wire, &mut session, address, expected.manifest).await?;
    if let Some(expected) = expected.component.filter(|expected| *expected != layer.digest) {
        return Err(RegistryErrorKind::Digest { piece: Piece::Component, expected, found: layer.digest });
    }
    if layer.size > limit {
        return Err(RegistryErrorKind::TooLarge { piece: Piece::Component, size: Some(layer.size), limit });
    }
    let mut request =
        Request::get(oci::endpoint(address, &format!("blobs/sha256:{}", layer.digest))?, Piece::Component);
    // Registries keep what is large elsewhere.
    request.redirects = Redirects::Follow;
    let response = session.send(request).await?;
    if response.status().as_u16() != 200 {
        return Err(session.refused(response, Piece::Component).await);
    }
    // The manifest says how much comes: a byte more is refused as it comes.
    let arrived = wire.receive(response, store.incoming()?, layer.size).await?;
    if arrived.size < layer.size {
        let (expected, found) = (layer.size, arrived.size);
        return Err(RegistryErrorKind::Truncated { piece: Piece::Component, expected, found });
    }
    keep(store, arrived, Some(layer.digest), Some(digest))
}

fn keep(
    store: &Store,
    arrived: Arrived,
    expected: Option<Sha256Digest>,
    manifest: Option<Sha256Digest>,
) -> Result<Fetched, RegistryErrorKind> {
    if let Some(expected) = expected.filter(|expected| *expected != arrived.digest) {
        return Err(RegistryErrorKind::Digest { piece: Piece::Component, expected, found: arrived.digest });
    }
    let fetched = Fetched { sha256: arrived.digest, size: arrived.size, manifest };
    store.keep(arrived)?;
    Ok(fetched)
}

/// The manifest that the address names, or the one that is expected in its place.
async fn manifest(
    wire: &Wire,
    session: &mut Session<'_>,
    address: &OciAddress,
    expected: Option<Sha256Digest>,
) -> Result<(Sha256Digest, Layer), RegistryErrorKind> {
    let expected = expected.or(match address.version() {
        OciVersion::Digest(digest) => Some(*digest),
        OciVersion::Tag(_) => None,
    });
    let reference =
        expected.map_or_else(|| address.version().to_string(), |digest| format!("sha256:{digest}"));
    let mut request =
        Request::get(oci::endpoint(address, &format!("manifests/{reference}"))?, Piece::Manifest);
    request.headers.insert(ACCEPT, HeaderValue::from_static(MANIFEST_TYPE));
    let response = session.send(request).await?;
    if response.status().as_u16() != 200 {
        return Err(session.refused(response, Piece::Manifest).await);
    }
    let bytes = wire.read(response, Piece::Manifest, MANIFEST_BYTES).await?;
    let found = sha256(&bytes);
    match expected {
        Some(expected) if expected != found => {
            Err(RegistryErrorKind::Digest { piece: Piece::Manifest, expected, found })
        }
        _ => Ok((found, oci::layer(&bytes)?)),
    }
}
