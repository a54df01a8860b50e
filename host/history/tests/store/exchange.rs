//! Export, import, merge, prune, check, and the original's database.

use std::io::BufReader;

use flaky_core::history::{HistoryFilter, Timestamp};
use flaky_core::ids::TestId;
use flaky_core::verdict::{Category, Severity};
use flaky_history::{History, HistoryErrorKind, Imported};

use crate::places::{Place, on_both};
use crate::reports::{all, context, everything, series, suite};

async fn filled(history: &History, runs: std::ops::Range<u32>) {
    for i in runs {
        let failing: &[u32] = [&[][..], &[3], &[1, 2]][i as usize % 3];
        history.record(&suite(&format!("r{i:03}"), failing), &context(i64::from(i) * 10)).await.unwrap();
    }
}

async fn exported(history: &History) -> Vec<u8> {
    let mut out = Vec::new();
    history.export(&all(), &mut out).await.unwrap();
    out
}

#[tokio::test]
async fn an_export_makes_the_same_history_in_either_database() {
    on_both(|place| async move {
        let history = place.open().await;
        filled(&history, 0..60).await;
        let lines = exported(&history).await;
        assert_eq!(lines.iter().filter(|b| **b == b'\n').count(), 60);
        for other in [Place::sqlite(), Place::postgres().await] {
            let copy = other.open().await;
            let imported = copy.import(&mut BufReader::new(lines.as_slice())).await.unwrap();
            assert_eq!(imported, Imported { new: 60, known: 0 });
            assert_eq!(everything(&copy).await, everything(&history).await);
            let again = copy.import(&mut BufReader::new(lines.as_slice())).await.unwrap();
            assert_eq!(again, Imported { new: 0, known: 60 });
            assert_eq!(copy.check().await.unwrap(), []);
        }
    })
    .await;
}

#[tokio::test]
async fn a_bad_line_is_named_and_those_before_it_are_in() {
    on_both(|place| async move {
        let history = place.open().await;
        filled(&history, 0..3).await;
        let good = exported(&history).await;
        let lines: Vec<&[u8]> = good.split_inclusive(|b| *b == b'\n').collect();
        let newer = String::from_utf8(lines[1].to_vec()).unwrap().replacen(
            "\"flaky_history\":1",
            "\"flaky_history\":2",
            1,
        );
        let cut = &lines[1][..lines[1].len() / 2];
        for (bad, what) in [
            (&b"{}"[..], "not a run"),
            (b"\xff\x00", "not a run"),
            (newer.as_bytes(), "version 2"),
            (cut, "not a run"),
        ] {
            let other = Place::sqlite();
            let copy = other.open().await;
            let input = [lines[0], b"\n", bad, b"\n", lines[2]].concat();
            let error = copy.import(&mut BufReader::new(input.as_slice())).await.unwrap_err();
            match error.kind() {
                HistoryErrorKind::Line { line: 3, what: told } => assert!(told.contains(what), "{told}"),
                kind => panic!("{kind:?}"),
            }
            assert_eq!(copy.runs(&all(), 9).await.unwrap().len(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_merge_takes_in_what_is_not_there() {
    on_both(|place| async move {
        let history = place.open().await;
        filled(&history, 0..40).await;
        let other = Place::sqlite();
        let theirs = other.open().await;
        filled(&theirs, 30..90).await;
        assert_eq!(history.merge(&theirs).await.unwrap(), Imported { new: 50, known: 10 });
        let whole = Place::sqlite();
        let straight = whole.open().await;
        filled(&straight, 0..90).await;
        assert_eq!(everything(&history).await, everything(&straight).await);
        assert_eq!(history.check().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn pruning_takes_old_runs_and_what_only_they_needed() {
    on_both(|place| async move {
        let history = place.open().await;
        let mut old = suite("old", &[1]);
        old.tests.push(crate::reports::test("gone", 10, &[2]));
        history.record(&old, &context(-10)).await.unwrap();
        filled(&history, 0..30).await;
        assert_eq!(history.prune(Timestamp(100)).await.unwrap(), 11);
        assert_eq!(history.prune(Timestamp(100)).await.unwrap(), 0);
        assert_eq!(history.check().await.unwrap(), []);
        let tests = history.tests(&all(), 1).await.unwrap();
        assert_eq!((tests.len(), tests[0].runs), (30, 20));
        assert!(history.test(&series(), &TestId::new("gone"), &all()).await.unwrap().is_none());
        // What comes after gets numbers that nothing old can be mistaken for.
        history.record(&old, &context(1000)).await.unwrap();
        assert_eq!(history.prune(Timestamp(i64::MAX)).await.unwrap(), 21);
        assert_eq!(
            (history.series().await.unwrap().len(), history.tests(&all(), 1).await.unwrap().len()),
            (0, 0)
        );
        assert_eq!(history.check().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn the_originals_database_comes_in_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flaky_test_history.db");
    let mut theirs = crate::places::raw(&path).await;
    // Columns as its `database.py` makes them.
    let made = "CREATE TABLE test_runs (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp DATETIME DEFAULT CURRENT_TIMESTAMP, \
        repository TEXT NOT NULL, test_command TEXT NOT NULL, total_runs INTEGER NOT NULL, parallelism INTEGER NOT NULL, \
        failures INTEGER NOT NULL, repro_rate REAL NOT NULL, severity TEXT NOT NULL, duration_seconds REAL, \
        pr_number INTEGER, branch TEXT, commit_sha TEXT); \
        CREATE TABLE test_results (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL, attempt INTEGER NOT NULL, \
        exit_code INTEGER, passed BOOLEAN NOT NULL, stdout TEXT, stderr TEXT, FOREIGN KEY (run_id) REFERENCES test_runs(id)); \
        INSERT INTO test_runs (timestamp, repository, test_command, total_runs, parallelism, failures, repro_rate, severity, \
        duration_seconds, pr_number, branch, commit_sha) VALUES \
        ('2026-01-02 03:04:05', 'https://example.org/a', 'pytest t.py', 100, 10, 7, 0.07, 'LOW', 12.5, 42, 'main', 'abc'), \
        ('2026-01-03 00:00:00', 'https://example.org/a', 'pytest t.py', 10, 4, 0, 0, 'NONE', NULL, NULL, NULL, NULL);";
    sqlx::raw_sql(made).execute(&mut theirs).await.unwrap();
    sqlx::Connection::close(theirs).await.unwrap();
    on_both(|place| {
        let path = path.clone();
        async move {
            let history = place.open().await;
            let imported = history.import_original(&path, Some(&series())).await.unwrap();
            assert_eq!(imported, Imported { new: 2, known: 0 });
            let again = history.import_original(&path, Some(&series())).await.unwrap();
            assert_eq!(again, Imported { new: 0, known: 2 });
            let runs = history.runs(&all(), 9).await.unwrap();
            let old = &runs[1];
            assert_eq!((old.attempts, old.failures, old.context.started), (100, 7, Timestamp(1_767_323_045)));
            assert_eq!((old.context.pull_request, old.commit.as_deref()), (Some(42), Some("abc")));
            assert_eq!((old.verdict, old.severity), (Category::Flaky, Some(Severity::Low)));
            let tests = history.tests(&HistoryFilter::default(), 1).await.unwrap();
            assert_eq!((tests[0].id.as_str(), tests[0].ran, tests[0].failed), ("pytest t.py", 110, 7));
            let own = Place::sqlite();
            let copy = own.open().await;
            copy.import_original(&path, None).await.unwrap();
            assert_eq!(copy.series().await.unwrap()[0].repository, "https://example.org/a");
            assert_eq!(copy.check().await.unwrap(), []);
        }
    })
    .await;
    let mine = Place::sqlite();
    let history = mine.open().await;
    let error = history.import_original(&folder.path().join("no"), None).await.unwrap_err();
    assert_eq!(error.kind(), &HistoryErrorKind::NotThere);
    std::fs::write(folder.path().join("text"), "not a database, but long enough to look at it").unwrap();
    let error = history.import_original(&folder.path().join("text"), None).await.unwrap_err();
    assert!(matches!(error.kind(), HistoryErrorKind::NotAHistory(_)), "{error}");
}
