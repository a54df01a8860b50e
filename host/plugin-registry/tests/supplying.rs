//! By which rules a component comes: lock, vendored file, store, network.
#![expect(clippy::unwrap_used, reason = "functions that several tests share fail as tests do")]

mod common;

use std::fs;
use std::path::Path;

use flaky_core::digest::Sha256Digest;
use flaky_core::remote_plugin::RemotePlugin;
use flaky_plugin_registry::{
    Came, Credentials, Lock, LockRule, LockedPlugin, Network, Patience, Registry, Standing, Store, Supply,
    SupplyError, VENDOR_FOLDER, Wanted, vendor,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use self::common::{Say, Scripted};

const LIMIT: u64 = 1 << 20;
const COMPONENT: &[u8] = b"component";

fn digest(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::new(Sha256::digest(bytes).into())
}

fn manifest() -> String {
    format!(
        r#"{{"schemaVersion": 2, "layers": [{{"mediaType": "application/wasm", "digest": "sha256:{}", "size": {}}}]}}"#,
        digest(COMPONENT),
        COMPONENT.len()
    )
}

fn registry() -> Scripted {
    Scripted::new(|head| if head.contains("/manifests/") { Say::ok(manifest()) } else { Say::ok(COMPONENT) })
}

struct Case {
    folder: TempDir,
    source: RemotePlugin,
    lock: Lock,
}

impl Case {
    fn new(server: &Scripted) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("store")).unwrap();
        let source = format!("oci://{}/team/infra:1", server.host()).parse().unwrap();
        Self { folder, source, lock: Lock::default() }
    }

    fn locked(mut self) -> Self {
        let entry = LockedPlugin {
            name: "infra".parse().unwrap(),
            source: self.source.clone(),
            version: "1".into(),
            resolved: Some(digest(manifest().as_bytes())),
            sha256: digest(COMPONENT),
            size: COMPONENT.len() as u64,
            contract: "0.1.0".into(),
            wants: Vec::new(),
        };
        self.lock.put(entry).unwrap();
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn supply(&self, rule: LockRule, network: Network) -> Supply {
        Supply {
            registry: Registry::new(Credentials::default(), Patience::default(), LIMIT),
            store: Store::new(self.path().join("store"), LIMIT),
            lock: self.lock.clone(),
            folder: Some(self.path().to_owned()),
            rule,
            network,
            limit: LIMIT,
        }
    }

    async fn obtain(
        &self,
        rule: LockRule,
        network: Network,
        sha256: Option<&Sha256Digest>,
    ) -> Result<(Came, Standing), SupplyError> {
        let supply = self.supply(rule, network);
        let obtained = supply.obtain(Wanted { source: &self.source, sha256 }).await?;
        assert_eq!(obtained.bytes, COMPONENT);
        Ok((obtained.came, obtained.standing))
    }
}

#[tokio::test]
async fn what_the_lock_lacks_is_looked_up_or_an_error() {
    let server = registry();
    let case = Case::new(&server);
    let error = case.obtain(LockRule::Locked, Network::Online, None).await.unwrap_err();
    assert!(matches!(error, SupplyError::NotLocked { .. }), "{error}");
    assert!(error.hint().unwrap().contains("flaky plugin update"));
    assert_eq!(server.count("GET"), 0, "nobody is asked");
    assert_eq!(
        case.obtain(LockRule::Fill, Network::Online, None).await.unwrap(),
        (Came::Fetched, Standing::New)
    );
    // Whoever names the digest has said which bytes are meant.
    let sha256 = digest(COMPONENT);
    let fixed = case.obtain(LockRule::Locked, Network::Offline, Some(&sha256)).await.unwrap();
    assert_eq!(fixed, (Came::Stored, Standing::Fixed));
}

#[tokio::test]
async fn what_is_locked_is_fetched_once_and_then_needs_no_network() {
    let server = registry();
    let case = Case::new(&server).locked();
    let error = case.obtain(LockRule::Locked, Network::Offline, None).await.unwrap_err();
    assert!(matches!(error, SupplyError::Offline { .. }), "{error}");
    for came in [Came::Fetched, Came::Stored, Came::Stored] {
        assert_eq!(
            case.obtain(LockRule::Locked, Network::Online, None).await.unwrap(),
            (came, Standing::Locked)
        );
    }
    assert_eq!(server.count("GET"), 2);
    drop(server);
    assert!(case.obtain(LockRule::Locked, Network::Offline, None).await.is_ok());
    // A stored file that was changed is not used.
    fs::write(case.path().join("store").join(format!("{}.wasm", digest(COMPONENT))), "other").unwrap();
    let error = case.obtain(LockRule::Locked, Network::Offline, None).await.unwrap_err();
    assert!(matches!(error, SupplyError::Offline { .. }), "{error}");
}

#[tokio::test]
async fn configuration_and_lock_that_disagree_are_an_error_that_names_both() {
    let server = registry();
    let case = Case::new(&server).locked();
    let other = digest(b"other");
    let error = case.obtain(LockRule::Fill, Network::Online, Some(&other)).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains(&other.to_string()) && said.contains(&digest(COMPONENT).to_string()), "{said}");
    assert_eq!(server.count("GET"), 0);
}

#[tokio::test]
async fn what_is_vendored_needs_neither_store_nor_network_and_counts_only_as_it_was_locked() {
    let server = registry();
    let case = Case::new(&server).locked();
    vendor(case.path(), &[("infra".parse().unwrap(), COMPONENT.to_vec())]).unwrap();
    let came = case.obtain(LockRule::Locked, Network::Offline, None).await.unwrap();
    assert_eq!(came, (Came::Vendored, Standing::Locked));
    let file = case.path().join(VENDOR_FOLDER).join("infra.wasm");
    fs::write(&file, "other").unwrap();
    let error = case.obtain(LockRule::Locked, Network::Online, None).await.unwrap_err();
    assert!(matches!(&error, SupplyError::Vendored { path, .. } if *path == file), "{error}");
    assert_eq!(server.count("GET"), 0, "it is not fetched in silence instead");
}
