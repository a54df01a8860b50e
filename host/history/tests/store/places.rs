//! Both kinds of places, empty, for one test.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flaky_history::{Access, History, HistoryPlace};
use tempfile::TempDir;

use crate::postgres::Server;

/// A place, and what it needs to stay.
pub(crate) struct Place {
    pub(crate) place: HistoryPlace,
    pub(crate) folder: TempDir,
    _server: Option<Arc<Server>>,
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { place: HistoryPlace::File(folder.path().join("history.db")), folder, _server: None }
    }

    pub(crate) async fn postgres() -> Self {
        let server = Server::get();
        let place = HistoryPlace::Postgres(server.database().await);
        Self { place, folder: tempfile::tempdir().unwrap(), _server: Some(server) }
    }

    pub(crate) async fn open(&self) -> History {
        History::open(&self.place, Access::Write).await.unwrap()
    }
}

impl Place {
    /// Of the SQLite database.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("history.db")
    }

    /// The SQLite database as it is on disk; nothing of another one.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap_or_default()
    }

    /// A connection past the store.
    pub(crate) async fn raw(&self) -> sqlx::AnyConnection {
        match &self.place {
            HistoryPlace::File(path) => raw(path).await,
            HistoryPlace::Postgres(url) => {
                <sqlx::AnyConnection as sqlx::Connection>::connect(url).await.unwrap()
            }
        }
    }
}

/// A connection to an SQLite file of anybody's.
pub(crate) async fn raw(path: &Path) -> sqlx::AnyConnection {
    sqlx::any::install_default_drivers();
    <sqlx::AnyConnection as sqlx::Connection>::connect(&format!("sqlite://{}?mode=rwc", path.display()))
        .await
        .unwrap()
}

/// The same numbers each time: SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}

/// Runs a test on both.
pub(crate) async fn on_both<F: Future<Output = ()>>(test: impl Fn(Arc<Place>) -> F) {
    for place in [Place::sqlite(), Place::postgres().await] {
        test(Arc::new(place)).await;
    }
}
