//! From a component to an artifact in a registry.

use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::{OciAddress, OciVersion};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, Response, Url};

use crate::auth::{Action, Session};
use crate::credentials::Credentials;
use crate::error::{Piece, RegistryErrorKind};
use crate::oci::{self, ArtifactNotes, MANIFEST_BYTES, MANIFEST_TYPE};
use crate::store::sha256;
use crate::wire::{Request, Wire, host, origin, shown};

/// What happens to a version that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays; other bytes are an error.
    Never,
    /// The tag is moved.
    Allowed,
}

/// What is in the registry now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Of the manifest: what the tag means.
    pub manifest: Sha256Digest,
    /// Of the component.
    pub component: Sha256Digest,
    /// Whether the very same was there before.
    pub unchanged: bool,
}

/// Sends component, configuration and manifest, in this order: a tag never names what is not there.
pub(crate) async fn publish(
    wire: &Wire,
    credentials: &Credentials,
    address: &OciAddress,
    component: &[u8],
    notes: &ArtifactNotes,
    overwrite: Overwrite,
) -> Result<Published, RegistryErrorKind> {
    let OciVersion::Tag(tag) = address.version() else { return Err(RegistryErrorKind::DigestToPublish) };
    let artifact = oci::artifact(component, notes)?;
    let manifest = sha256(&artifact.manifest);
    let mut push = Push { wire, session: Session::new(wire, credentials, address, Action::Push), address };
    let before = push.present(tag).await?;
    let published = Published { manifest, component: sha256(component), unchanged: before == Some(manifest) };
    match before {
        Some(found) if found == manifest => return Ok(published),
        Some(found) if overwrite == Overwrite::Never => {
            return Err(RegistryErrorKind::Exists { tag: tag.clone(), found });
        }
        Some(_) | None => {}
    }
    push.blob(component, Piece::Component).await?;
    push.blob(&artifact.config, Piece::Config).await?;
    push.manifest(tag, artifact.manifest).await?;
    Ok(published)
}

struct Push<'a> {
    wire: &'a Wire,
    session: Session<'a>,
    address: &'a OciAddress,
}

impl Push<'_> {
    /// The manifest that the tag names, by its digest.
    async fn present(&mut self, tag: &str) -> Result<Option<Sha256Digest>, RegistryErrorKind> {
        let mut request = Request::get(self.url(&format!("manifests/{tag}"))?, Piece::Manifest);
        request.headers.insert(ACCEPT, HeaderValue::from_static(MANIFEST_TYPE));
        let response = self.session.send(request).await?;
        match response.status().as_u16() {
            404 => Ok(None),
            200 => {
                let bytes = self.wire.read(response, Piece::Manifest, MANIFEST_BYTES).await?;
                Ok(Some(sha256(&bytes)))
            }
            _ => Err(self.session.refused(response, Piece::Manifest).await),
        }
    }

    /// One piece, in one request, unless it is there.
    async fn blob(&mut self, bytes: &[u8], piece: Piece) -> Result<(), RegistryErrorKind> {
        let digest = format!("sha256:{}", sha256(bytes));
        let mut request = Request::get(self.url(&format!("blobs/{digest}"))?, piece);
        request.method = Method::HEAD;
        if self.session.send(request).await?.status().as_u16() == 200 {
            return Ok(());
        }
        let mut request = Request::get(self.url("blobs/uploads/")?, piece);
        request.method = Method::POST;
        let response = self.session.send(request).await?;
        if response.status().as_u16() != 202 {
            return Err(self.session.refused(response, piece).await);
        }
        let mut url = self.upload(&response, piece)?;
        url.query_pairs_mut().append_pair("digest", &digest);
        let mut request = Request::get(url, piece);
        request.method = Method::PUT;
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        request.body = bytes.to_vec();
        self.expect_created(request, piece).await
    }

    async fn manifest(&mut self, tag: &str, bytes: Vec<u8>) -> Result<(), RegistryErrorKind> {
        let mut request = Request::get(self.url(&format!("manifests/{tag}"))?, Piece::Manifest);
        request.method = Method::PUT;
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(MANIFEST_TYPE));
        request.body = bytes;
        self.expect_created(request, Piece::Manifest).await
    }

    async fn expect_created(&mut self, request: Request, piece: Piece) -> Result<(), RegistryErrorKind> {
        let response = self.session.send(request).await?;
        match response.status().as_u16() {
            201 => Ok(()),
            _ => Err(self.session.refused(response, piece).await),
        }
    }

    /// Where the registry wants a piece. What it is sent with opens the registry, so it stays there.
    fn upload(&self, response: &Response, piece: Piece) -> Result<Url, RegistryErrorKind> {
        let refused = |why: String| RegistryErrorKind::Redirect { host: host(response.url()), piece, why };
        let location = response.headers().get(LOCATION).and_then(|v| v.to_str().ok());
        let location = location.ok_or_else(|| refused("it does not say where to".into()))?;
        let url = response.url().join(location).map_err(|_| refused("to what is no address".into()))?;
        if origin(&url) == origin(response.url()) {
            Ok(url)
        } else {
            Err(refused(format!("`{}` is another server", shown(&url))))
        }
    }

    fn url(&self, rest: &str) -> Result<Url, RegistryErrorKind> {
        oci::endpoint(self.address, rest)
    }
}
