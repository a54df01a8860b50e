//! Files that a disk has changed: a clear error, or `check` finds it, or nothing that anybody asks for is changed.

use flaky_core::history::HistoryFilter;
use flaky_core::ids::TestId;
use flaky_history::{Access, Fault, History, HistoryError, HistoryErrorKind, HistoryPlace};

use crate::places::{Place, Random};
use crate::reports::{Everything, all, context, series, suite, try_everything};

/// A file with thirty runs, as one that was closed.
async fn file() -> (Place, Vec<u8>, Everything) {
    let place = Place::sqlite();
    let history = place.open().await;
    for i in 0..30_u32 {
        let failing: &[u32] = [&[][..], &[3], &[1, 2]][i as usize % 3];
        history.record(&suite(&format!("r{i}"), failing), &context(i64::from(i))).await.unwrap();
    }
    let everything = try_everything(&history).await.unwrap();
    history.close().await;
    let bytes = std::fs::read(place.path()).unwrap();
    (place, bytes, everything)
}

/// All that can be asked, and what `check` says.
async fn ask(path: &std::path::Path) -> Result<(Everything, Vec<Fault>), HistoryError> {
    let history = History::open(&HistoryPlace::File(path.to_owned()), Access::Read).await?;
    let found = history.check().await;
    let everything = try_everything(&history).await;
    history.close().await;
    match (found, everything) {
        (Ok(found), Ok(everything)) => Ok((everything, found)),
        // Whoever asks for what is damaged is told, or told to look.
        (Ok(found), Err(_)) if !found.is_empty() => Ok((Everything::default(), found)),
        (_, Err(error)) | (Err(error), _) => Err(error),
    }
}

#[tokio::test]
async fn a_cut_file_is_never_taken_for_a_whole_one() {
    let (place, bytes, _) = file().await;
    let mut lengths =
        vec![0, 1, 16, 99, 100, 511, 512, 1024, 4095, 4096, 4097, bytes.len() - 1, bytes.len() - 4096];
    let mut random = Random(7);
    lengths.extend((0..20).map(|_| random.below(bytes.len())));
    for length in lengths {
        std::fs::write(place.path(), &bytes[..length]).unwrap();
        match ask(&place.path()).await {
            Err(error) => {
                assert!(!matches!(error.kind(), HistoryErrorKind::NewerSchema { .. }), "{length}: {error}")
            }
            Ok((_, found)) => assert!(!found.is_empty(), "cut at {length}"),
        }
        // Whoever writes into it is told, too, or adds to a new one where nothing was left.
        let place = HistoryPlace::File(place.path());
        if let Ok(history) = History::open(&place, Access::Write).await {
            let _ = history.record(&suite("new", &[]), &context(5)).await;
            history.close().await;
        }
    }
}

#[tokio::test]
async fn a_changed_bit_is_found_or_changes_nothing() {
    let (place, bytes, before) = file().await;
    let mut random = Random(11);
    let (mut told, mut found_by_check, mut harmless) = (0, 0, 0);
    // Most of a small file is room that nothing is in: zeros.
    let filled: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i] != 0).collect();
    for _ in 0..200 {
        let (position, bit) = (filled[random.below(filled.len())], random.below(8));
        let mut changed = bytes.clone();
        changed[position] ^= 1 << bit;
        std::fs::write(place.path(), &changed).unwrap();
        match ask(&place.path()).await {
            Err(_) => told += 1,
            Ok((_, found)) if !found.is_empty() => found_by_check += 1,
            Ok((everything, _)) => {
                assert_eq!(everything, before, "bit {bit} of byte {position} went unnoticed");
                harmless += 1;
            }
        }
    }
    println!("{told} told, {found_by_check} found, {harmless} harmless");
    assert!(told + found_by_check > 100, "{told} told, {found_by_check} found, {harmless} harmless");
}

#[tokio::test]
async fn what_does_not_fit_together_is_found_in_either_database() {
    crate::places::on_both(|place| async move {
        let history = place.open().await;
        for i in 0..10_u32 {
            history.record(&suite(&format!("r{i}"), &[1]), &context(i64::from(i))).await.unwrap();
        }
        assert_eq!(history.check().await.unwrap(), []);
        let mut raw = place.raw().await;
        for (change, at) in [
            ("UPDATE flaky_runs SET command = 'another' WHERE run = 'r3'", "run `r3`"),
            ("UPDATE flaky_runs SET attempts = 9 WHERE run = 'r4'", "run `r4`"),
            ("UPDATE flaky_runs SET verdict = 'fine' WHERE run = 'r5'", "run "),
            ("UPDATE flaky_tests SET id = 'another' WHERE id = 't::07'", "test "),
            ("UPDATE flaky_groups SET message = ''", "group "),
            ("UPDATE flaky_groups SET last_seen = 99", "group "),
            (
                "DELETE FROM flaky_results WHERE run = (SELECT number FROM flaky_runs WHERE run = 'r6')",
                "run `r6`",
            ),
            ("UPDATE flaky_rosters SET body = digest", "roster "),
        ] {
            sqlx::raw_sql(change).execute(&mut raw).await.unwrap();
            let found = history.check().await.unwrap();
            assert!(found.iter().any(|fault| fault.place.starts_with(at)), "{change}: {found:?}");
        }
        let error = history.tests(&all(), 1).await.unwrap_err();
        assert!(matches!(error.kind(), HistoryErrorKind::Damaged(_)), "{error}");
        let one = history.test(&series(), &TestId::new("t::01"), &HistoryFilter::default()).await;
        assert!(one.is_err());
    })
    .await;
}
