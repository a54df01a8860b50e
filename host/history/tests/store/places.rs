//! Both kinds of places, empty, for one test.

use std::future::Future;
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

/// Runs a test on both.
pub(crate) async fn on_both<F: Future<Output = ()>>(test: impl Fn(Arc<Place>) -> F) {
    for place in [Place::sqlite(), Place::postgres().await] {
        test(Arc::new(place)).await;
    }
}
