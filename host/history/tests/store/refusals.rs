//! Places that cannot be used, each with its name.

use flaky_history::{Access, History, HistoryErrorKind, HistoryPlace};

use crate::places::{Place, on_both, raw};
use crate::reports::{all, context, everything, suite};

#[tokio::test]
async fn reading_makes_nothing() {
    let place = Place::sqlite();
    let error = History::open(&place.place, Access::Read).await.unwrap_err();
    assert_eq!(error.kind(), &HistoryErrorKind::NotThere);
    assert!(!place.path().exists());
    let empty = Place::postgres().await;
    let error = History::open(&empty.place, Access::Read).await.unwrap_err();
    assert_eq!(error.kind(), &HistoryErrorKind::NotThere);
}

#[tokio::test]
async fn a_history_of_a_newer_version_is_left_as_it_is() {
    on_both(|place| async move {
        let history = place.open().await;
        history.record(&suite("a", &[]), &context(0)).await.unwrap();
        history.close().await;
        let mut database = place.raw().await;
        sqlx::raw_sql("INSERT INTO flaky_shape VALUES (7)").execute(&mut database).await.unwrap();
        sqlx::Connection::close(database).await.unwrap();
        let before = place.bytes();
        for access in [Access::Read, Access::Write] {
            let error = History::open(&place.place, access).await.unwrap_err();
            assert_eq!(error.kind(), &HistoryErrorKind::NewerSchema { found: 7, known: 1 });
        }
        assert_eq!(place.bytes(), before);
    })
    .await;
}

#[tokio::test]
async fn somebody_elses_files_are_left_as_they_are() {
    let place = Place::sqlite();
    std::fs::write(
        place.path(),
        "a text, and not a short one either: more than a hundred bytes, which is what SQLite reads first",
    )
    .unwrap();
    for access in [Access::Read, Access::Write] {
        let before = place.bytes();
        let error = History::open(&place.place, access).await.unwrap_err();
        assert!(matches!(error.kind(), HistoryErrorKind::NotAHistory(_)), "{error}");
        assert_eq!(place.bytes(), before);
    }
    std::fs::remove_file(place.path()).unwrap();
    let mut other = raw(&place.path()).await;
    sqlx::raw_sql("CREATE TABLE runs (a TEXT)").execute(&mut other).await.unwrap();
    sqlx::Connection::close(other).await.unwrap();
    for access in [Access::Read, Access::Write] {
        let before = place.bytes();
        let error = History::open(&place.place, access).await.unwrap_err();
        assert!(matches!(error.kind(), HistoryErrorKind::NotAHistory(_)), "{error}");
        assert_eq!(place.bytes(), before);
    }
    let folder = HistoryPlace::File(place.folder.path().to_owned());
    let error = History::open(&folder, Access::Write).await.unwrap_err();
    assert!(matches!(error.kind(), HistoryErrorKind::NotAHistory(_)), "{error}");
}

#[tokio::test]
async fn no_password_gets_out() {
    for url in [
        "postgres://me:hunter2@127.0.0.1:1/db",
        "postgres://me:hunter%32@127.0.0.1:1/db?password=hunter2",
        "postgres://me:hunter2@127.0.0.1:1/db?sslmode=hunter2",
        "postgres://me:hunter2@[not an address/db",
        "hunter2",
    ] {
        let place = HistoryPlace::Postgres(url.into());
        let error = History::open(&place, Access::Write).await.unwrap_err();
        let all = format!("{place} {place:?} {error} {error:?}");
        assert!(!all.contains("hunter"), "{all}");
    }
    let place = HistoryPlace::Postgres("postgres://me:hunter2@127.0.0.1:1/db".into());
    let error = History::open(&place, Access::Read).await.unwrap_err();
    assert!(matches!(error.kind(), HistoryErrorKind::NoConnection(_)), "{error:?}");
    assert!(error.to_string().contains("postgres://me@127.0.0.1:1/db"), "{error}");
}

#[tokio::test]
async fn paths_of_any_characters_work() {
    let place = Place::sqlite();
    for name in ["a b?c#d%41&mode=ro.db", "ä'\".db", "new/folder/h.db"] {
        let place = HistoryPlace::File(place.folder.path().join(name));
        let history = History::open(&place, Access::Write).await.unwrap();
        history.record(&suite("a", &[]), &context(0)).await.unwrap();
        history.close().await;
        let HistoryPlace::File(path) = &place else { panic!() };
        assert!(path.is_file(), "{name}");
    }
}

/// `FLAKY_MAKE_FIXTURE=1` makes the file anew, which is right only before its shape is released.
#[tokio::test]
async fn a_history_of_every_shape_is_read() {
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/shape-1.db");
    let place = Place::sqlite();
    let fresh = place.open().await;
    for (run, started, failing) in [("a", 0, &[][..]), ("b", 100, &[1, 2]), ("c", 200, &[3])] {
        fresh.record(&suite(run, failing), &context(started)).await.unwrap();
    }
    let want = everything(&fresh).await;
    if std::env::var_os("FLAKY_MAKE_FIXTURE").is_some() {
        fresh.close().await;
        std::fs::create_dir_all(fixture.parent().unwrap()).unwrap();
        std::fs::copy(place.path(), &fixture).unwrap();
    }
    let copy = Place::sqlite();
    std::fs::copy(&fixture, copy.path()).unwrap();
    let old = copy.open().await;
    assert_eq!(everything(&old).await, want);
    assert_eq!(old.check().await.unwrap(), []);
    old.record(&suite("d", &[]), &context(300)).await.unwrap();
    assert_eq!(old.runs(&all(), 9).await.unwrap().len(), 4);
}
