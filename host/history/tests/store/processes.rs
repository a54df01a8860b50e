//! Writers as processes of their own: killed, beside each other, without room, without permission.
//!
//! A process is this very executable: it runs one test of this file, which does nothing unless it is asked to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use flaky_history::{Access, History, HistoryErrorKind, HistoryPlace, Recorded};

use crate::places::{Place, Random, on_both};
use crate::reports::{all, context, suite};

/// Where to write; what names of runs begin with; how many runs.
const PLACE: &str = "FLAKY_TEST_PLACE";
const NAME: &str = "FLAKY_TEST_NAME";
const COUNT: &str = "FLAKY_TEST_COUNT";

/// Killed so often.
const KILLS: u32 = 200;

fn executable() -> std::path::PathBuf {
    std::env::current_exe().unwrap()
}

fn process(program: Command, role: &str, place: &HistoryPlace, name: &str, count: u32) -> Child {
    let mut command = program;
    let text = match place {
        HistoryPlace::File(path) => path.display().to_string(),
        HistoryPlace::Postgres(url) => url.clone(),
    };
    command
        .args(["--exact", &format!("processes::{role}"), "--nocapture", "--test-threads=1"])
        .env(PLACE, text)
        .env(NAME, name)
        .env(COUNT, count.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The place that this process was asked to use.
fn asked() -> Option<HistoryPlace> {
    let text = std::env::var(PLACE).ok()?;
    Some(if text.starts_with("postgres:") {
        HistoryPlace::Postgres(text)
    } else {
        HistoryPlace::File(text.into())
    })
}

/// What a run of a writer is: known from its name alone.
fn told(run: &str) -> flaky_core::report::RunReport {
    let failing: Vec<u32> = (0..u32::try_from(run.len()).unwrap() % 4).collect();
    suite(run, &failing)
}

/// A process that writes, and says what was acknowledged.
#[tokio::test]
async fn writer() {
    let Some(place) = asked() else { return };
    let (name, count) = (std::env::var(NAME).unwrap(), std::env::var(COUNT).unwrap().parse::<u32>().unwrap());
    let history = History::open(&place, Access::Write).await.unwrap();
    for i in 0..count {
        // Every fifth is one that others write, too.
        let run =
            if i % 5 == 4 && !name.starts_with('k') { format!("shared-{i}") } else { format!("{name}-{i}") };
        match history.record(&told(&run), &context(i64::from(i))).await.unwrap() {
            Recorded::New => println!("\nkept {run}"),
            Recorded::Known => println!("\nknown {run}"),
        }
    }
}

/// Runs that a line says were kept.
fn kept(line: &str) -> Option<String> {
    line.strip_prefix("kept ").map(str::to_owned)
}

#[tokio::test]
async fn what_was_acknowledged_survives_being_killed() {
    on_both(|place| async move {
        let mut random = Random(1);
        let mut acknowledged = BTreeSet::new();
        place.open().await.close().await;
        for round in 0..KILLS {
            let mut child =
                process(Command::new(executable()), "writer", &place.place, &format!("k{round}"), u32::MAX);
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            // After so many runs, and then somewhere in what comes next.
            let runs = random.below(4);
            let mut seen = 0;
            while seen < runs {
                let Some(Ok(line)) = lines.next() else { panic!("the writer ended by itself") };
                seen += usize::from(kept(&line).is_some_and(|run| acknowledged.insert(run)));
            }
            std::thread::park_timeout(std::time::Duration::from_micros(random.below(20_000) as u64));
            child.kill().unwrap();
            child.wait().unwrap();
            acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| kept(&line)));
        }
        let history = place.open().await;
        let runs = history.runs(&all(), u32::MAX).await.unwrap();
        let there: BTreeSet<String> = runs.iter().map(|run| run.run.to_string()).collect();
        assert_eq!(there.len(), runs.len(), "a run is there twice");
        assert!(acknowledged.is_subset(&there), "{:?}", acknowledged.difference(&there).collect::<Vec<_>>());
        for run in &runs {
            whole(&history, run.run.as_str()).await;
        }
        assert_eq!(history.check().await.unwrap(), []);
        println!("{KILLS} kills: {} acknowledged, {} there", acknowledged.len(), there.len());
    })
    .await;
}

async fn whole(history: &History, run: &str) {
    let want = told(run);
    let (_, tests) = history.run(&want.run).await.unwrap().unwrap();
    let got: BTreeMap<_, _> =
        tests.iter().map(|(id, result)| (id.clone(), (result.counts, result.failing.len()))).collect();
    let want: BTreeMap<_, _> =
        want.tests.iter().map(|test| (test.id.clone(), (test.counts, test.failing_seeds.len()))).collect();
    assert_eq!(got, want, "{run}");
}

#[tokio::test]
async fn writers_beside_each_other_lose_and_double_nothing() {
    on_both(|place| async move {
        for writers in [2, 8] {
            // Also the making of the database is a race.
            let names: Vec<String> = (0..writers).map(|i| format!("w{writers}-{i}")).collect();
            let children: Vec<Child> = names
                .iter()
                .map(|name| process(Command::new(executable()), "writer", &place.place, name, 25))
                .collect();
            let mut all_kept = Vec::new();
            for mut child in children {
                let lines = BufReader::new(child.stdout.take().unwrap()).lines();
                all_kept.extend(lines.map_while(Result::ok).filter_map(|line| kept(&line)));
                assert!(child.wait().unwrap().success());
            }
            // Twenty of each writer's own, and five that they have in common (of the first round).
            let shared = if writers == 2 { 5 } else { 0 };
            assert_eq!(all_kept.len(), writers * 20 + shared);
            let history = place.open().await;
            for run in &all_kept {
                whole(&history, run).await;
            }
            assert_eq!(history.check().await.unwrap(), []);
            history.close().await;
        }
        let history = place.open().await;
        assert_eq!(history.runs(&all(), u32::MAX).await.unwrap().len(), 2 * 20 + 8 * 20 + 5);
    })
    .await;
}

/// A process whose place is on a disk of one megabyte.
#[tokio::test]
async fn writer_without_room() {
    let Some(place) = asked() else { return };
    let history = History::open(&place, Access::Write).await.unwrap();
    let mut acknowledged = Vec::new();
    let error = loop {
        let run = format!("f{}", acknowledged.len());
        let mut report = told(&run);
        report.subject.command = vec![run.repeat(1000)];
        match history.record(&report, &context(0)).await {
            Ok(_) => acknowledged.push(run),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 10_000);
    };
    assert_eq!(error.kind(), &HistoryErrorKind::Full, "{error}");
    // What was there is there, in this process and for whoever comes next.
    assert_eq!(history.runs(&all(), u32::MAX).await.unwrap().len(), acknowledged.len());
    history.close().await;
    let history = History::open(&place, Access::Read).await.unwrap();
    for run in &acknowledged {
        whole(&history, run).await;
    }
    assert_eq!(history.check().await.unwrap(), []);
    println!("\nkept {}", acknowledged.len());
}

/// On a small tmpfs in a mount name space of its own: as root, or as root of a user name space.
#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut unshare = Command::new("unshare");
    unshare.arg("--mount");
    if !nix::unistd::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let script = "mount -t tmpfs -o size=1m none \"$1\" && shift && exec \"$@\"";
    unshare.args(["sh", "-c", script, "sh"]).arg(folder.path()).arg(executable());
    let place = HistoryPlace::File(folder.path().join("history.db"));
    let child = process(unshare, "writer_without_room", &place, "f", 0);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.lines().any(|line| kept(line).is_some()), "{text}");
}

/// A process that may read and not write.
#[tokio::test]
async fn reader_without_permission() {
    let Some(place) = asked() else { return };
    let refused = match History::open(&place, Access::Write).await {
        Err(error) => error,
        Ok(history) => history.record(&told("new"), &context(0)).await.unwrap_err(),
    };
    assert!(matches!(refused.kind(), HistoryErrorKind::ReadOnly(_)), "{refused:?}");
    let history = History::open(&place, Access::Read).await.unwrap();
    assert_eq!(history.runs(&all(), 9).await.unwrap().len(), 1);
    println!("\nkept 1");
}

#[tokio::test]
async fn a_read_only_folder_can_be_read() {
    let place = Place::sqlite();
    let history = place.open().await;
    history.record(&told("a"), &context(0)).await.unwrap();
    history.close().await;
    permit(&place.path(), 0o444);
    permit(place.folder.path(), 0o555);
    // For root no permission counts: `nobody` tries, with a copy of this executable that it can reach.
    let copy = tempfile::Builder::new().prefix("flaky-reader").tempdir().unwrap();
    let program = copy.path().join("store");
    std::fs::copy(executable(), &program).unwrap();
    permit(copy.path(), 0o755);
    let command = if nix::unistd::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    let output =
        process(command, "reader_without_permission", &place.place, "", 0).wait_with_output().unwrap();
    permit(place.folder.path(), 0o755);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.lines().any(|line| kept(line).is_some()), "{text}");
}

fn permit(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
