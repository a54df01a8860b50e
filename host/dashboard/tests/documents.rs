//! What the documents say of a planted story.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what they cannot have ends the test"
)]

mod story;

use flaky_core::verdict::{Category, Severity};
use flaky_dashboard::data::{Catalogue, RunDetail, RunList, TestDetail, Version, View};
use flaky_dashboard::{Documents, Mode};
use serde::de::DeserializeOwned;
use story::{ATTEMPTS, planted, series, unit};

async fn get<T: DeserializeOwned>(documents: &Documents, path: &str) -> T {
    let body = documents.document(path).await.unwrap().unwrap_or_else(|| panic!("no `{path}`"));
    serde_json::from_slice(&body).unwrap()
}

async fn story() -> (tempfile::TempDir, Documents) {
    let folder = tempfile::tempdir().unwrap();
    story::history(folder.path()).await;
    let documents = story::documents(folder.path(), Mode::Live).await;
    (folder, documents)
}

#[tokio::test]
async fn the_catalogue_names_suites_branches_and_forges() {
    let (_folder, documents) = story().await;
    let index: Catalogue = get(&documents, "data/index.json").await;
    let told: Vec<_> = index
        .series
        .iter()
        .map(|s| {
            (s.repository.as_str(), s.suite.as_str(), s.runs, s.forge.as_ref().map(|f| f.commit.as_str()))
        })
        .collect();
    let github = Some("https://github.com/shop/cart/commit/");
    let gitlab = Some("https://gitlab.com/shop/group/pay/-/commit/");
    assert_eq!(
        told,
        [
            ("github.com/shop/cart", "browser", 20, github),
            ("github.com/shop/cart", "unit", 49, github),
            ("gitlab.com/shop/group/pay", ".", 9, gitlab),
        ]
    );
    let branches: Vec<_> = index.series[1].branches.iter().map(|b| (b.name.as_str(), b.runs)).collect();
    assert_eq!(branches, [("main", 41), ("feature/<b>checkout</b>", 8)]);
    assert_eq!(index.quarantine, None);
}

#[tokio::test]
async fn a_view_counts_what_was_planted() {
    let (_folder, documents) = story().await;
    let index: Catalogue = get(&documents, "data/index.json").await;
    let unit = &index.series[1];
    let view: View = get(&documents, &format!("data/view/{}/all/all.json", unit.key)).await;
    assert_eq!((view.figures.runs, view.figures.attempts), (49, u64::from(49 * ATTEMPTS)));
    assert_eq!(view.figures.tests, 63 + 10 + 1);
    assert_eq!(view.trend.iter().map(|part| part.runs).sum::<u32>(), 49);
    assert_eq!(view.tests.len() + view.clean.len(), 74);
    assert!(view.tests.is_sorted_by(|a, b| a.cost_cpu_seconds >= b.cost_cpu_seconds));
    let of = |id: &str| view.tests.iter().find(|test| test.id.as_str() == id).unwrap();
    let stock = of("tests/test_stock.py::test_stock");
    assert_eq!((stock.ran, stock.failed, stock.flaky_runs), (40 * ATTEMPTS, 5 * ATTEMPTS, 0));
    assert_eq!((stock.verdict, stock.severity), (Category::Broken, Some(Severity::Critical)));
    // Every run took 200 s of CPU for 20 attempts.
    assert!((stock.cost_cpu_seconds - 1000.0).abs() < 1.0, "{}", stock.cost_cpu_seconds);
    assert_eq!(stock.trend.iter().fold((0, 0), |(r, f), (ran, failed)| (r + ran, f + failed)), (800, 100));
    assert_eq!(of("tests/test_mail.py::test_mail").verdict, Category::Stable);
    assert!(view.figures.recovered >= 1 && view.figures.broken == 1, "{:?}", view.figures);

    let main = &unit.branches[0].key;
    let week: View = get(&documents, &format!("data/view/{}/{main}/week.json", unit.key)).await;
    assert_eq!((week.figures.runs, week.trend.len()), (8, 7), "seven days, and one run of changed files");
    assert!(!week.tests.iter().any(|test| test.id.as_str() == "tests/test_mail.py::test_mail"));
    let feature = &unit.branches[1].key;
    let view: View = get(&documents, &format!("data/view/{}/{feature}/all.json", unit.key)).await;
    assert_eq!((view.figures.runs, view.tests.len(), view.clean.len()), (8, 2, 0));
}

#[tokio::test]
async fn a_test_says_where_it_began_and_how_it_fails() {
    let (_folder, documents) = story().await;
    let index: Catalogue = get(&documents, "data/index.json").await;
    let unit = &index.series[1];
    let view: View =
        get(&documents, &format!("data/view/{}/{}/all.json", unit.key, unit.branches[0].key)).await;
    let order = view.tests.iter().find(|test| test.id.as_str() == "tests/test_cart.py::test_order").unwrap();
    let test: TestDetail = get(&documents, &format!("data/test/{}.json", order.key)).await;
    assert_eq!((test.runs.len(), test.runs_left_out), (49, 0));
    assert!(test.runs.is_sorted_by(|a, b| a.place.started <= b.place.started));
    let of = |branch: Option<&String>| test.onsets.iter().find(|onset| onset.branch.as_ref() == branch);
    let main = of(Some(&unit.branches[0].key)).unwrap();
    assert_eq!((main.last_clean.run.as_str(), main.first_failing.run.as_str()), ("unit-20", "unit-19"));
    assert_eq!((main.first_failing.failed, main.first_failing.ran), (4, ATTEMPTS));
    assert_eq!(
        of(None).unwrap().first_failing.run.as_str(),
        "feature-35",
        "the first failure of all branches"
    );
    assert_eq!(of(Some(&unit.branches[1].key)), None, "there it failed from the first run on");
    assert_eq!(test.groups.iter().map(|g| g.kind.as_str()).collect::<Vec<_>>().len(), 2);
    let changed = test.runs.iter().find(|run| run.run.as_str() == "changed-1").unwrap();
    assert_eq!(
        (changed.place.changed, changed.place.url.as_deref()),
        (true, None),
        "no such address is a link"
    );
    let failing = &test.runs.last().unwrap().result.failing[0];
    assert_eq!(failing.seed, "7000000000000000001", "seeds are whole");
    let all = test.shares.iter().find(|s| s.branch.is_none() && s.period.name() == "all").unwrap();
    assert_eq!((all.runs, all.ran), (49, 49 * ATTEMPTS));
    assert!(all.interval.low < f64::from(all.failed) / f64::from(all.ran));
}

#[tokio::test]
async fn a_run_lists_what_failed_in_it() {
    let (_folder, documents) = story().await;
    let run: RunDetail = get(&documents, "data/run/unit-3.json").await;
    assert_eq!((run.failing.len(), run.clean, run.never_ran), (12, 61, 0));
    assert_eq!(run.failing[0].id.as_str(), "tests/test_stock.py::test_stock");
    let index: Catalogue = get(&documents, "data/index.json").await;
    let list: RunList = get(&documents, &format!("data/runs/{}.json", index.series[1].key)).await;
    assert_eq!((list.runs.len(), list.left_out), (49, 0));
    assert!(list.runs.is_sorted_by(|a, b| a.place.started >= b.place.started));
}

#[tokio::test]
async fn a_new_run_changes_the_stamp_and_what_is_read_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let history = story::open(folder.path()).await;
    let documents = story::documents(folder.path(), Mode::Live).await;
    let version: Version = get(&documents, "data/version.json").await;
    let index: Catalogue = get(&documents, "data/index.json").await;
    assert_eq!((version.live, &version.stamp, index.series.len()), (true, &index.stamp, 0));

    story::add(&history, "first", 0, unit(), "main", &[planted("a", 1)]).await;
    let later: Version = get(&documents, "data/version.json").await;
    assert_ne!(later.stamp, version.stamp);
    let index: Catalogue = get(&documents, "data/index.json").await;
    assert_eq!((index.stamp, index.series.len()), (later.stamp, 1));

    story::add(&history, "second", 0, series("github.com/shop/cart", "browser"), "main", &[planted("b", 0)])
        .await;
    let index: Catalogue = get(&documents, "data/index.json").await;
    assert_eq!(index.series.len(), 2);
}

#[tokio::test]
async fn what_is_not_there_is_no_document() {
    let (_folder, documents) = story().await;
    let index: Catalogue = get(&documents, "data/index.json").await;
    let known = &index.series[0].key;
    let unknown = "0".repeat(32);
    for path in [
        format!("data/view/{unknown}/all/all.json"),
        format!("data/view/{known}/{unknown}/all.json"),
        format!("data/runs/{unknown}.json"),
        format!("data/test/{unknown}.json"),
        "data/run/nobody.json".into(),
        "data/../Cargo.toml".into(),
        "history.sqlite".into(),
    ] {
        assert_eq!(documents.document(&path).await.unwrap(), None, "{path}");
    }
}
