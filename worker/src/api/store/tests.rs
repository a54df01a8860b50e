//! Under tokio's paused time: it advances when nothing else is to be done.

use std::time::Duration;

use serde_json::json;
use serde_json::value::to_raw_value;
use tokio::time::sleep;

use super::inner::MAX_KNOWN;
use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn raw(value: &impl Serialize) -> Arc<RawValue> {
    Arc::from(to_raw_value(value).unwrap())
}

fn job(origin: Origin) -> Submission {
    let policy = Policy { execution_timeout: 10 * MINUTE, ttl: 24 * 60 * MINUTE, priority: Priority::Normal };
    Submission { origin, input: raw(&json!({})), webhook: None, policy }
}

/// A store whose clock runs.
fn store() -> Arc<Store> {
    let store = Arc::new(Store::new().0);
    let clock = Arc::clone(&store);
    tokio::spawn(async move { clock.keep_time().await });
    store
}

/// Does a job at once.
async fn done(store: &Store, submission: Submission, ending: Ending) -> JobId {
    let id = store.submit(submission).unwrap();
    let taken = store.take().await;
    assert_eq!(taken.ticket.id, id);
    store.finish(&taken.ticket, ending);
    store.release(&taken.ticket);
    id
}

fn status(store: &Store, id: &JobId) -> Option<Status> {
    store.document(id).map(|document| document.status)
}

fn completed() -> Ending {
    Ending::Completed(raw(&1))
}

#[tokio::test(start_paused = true)]
async fn a_result_is_kept_for_half_an_hour_and_one_that_was_waited_for_for_a_minute() {
    for (origin, kept) in [(Origin::Run, 30 * MINUTE), (Origin::RunSync, MINUTE)] {
        let store = store();
        let id = done(&store, job(origin), completed()).await;
        sleep(kept - Duration::from_millis(1)).await;
        assert_eq!(status(&store, &id), Some(Status::Completed), "{origin:?}");
        sleep(Duration::from_millis(2)).await;
        assert_eq!(status(&store, &id), None, "{origin:?}");
        assert!(store.lock().records.is_empty(), "{origin:?}: its memory is given back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_can_have_a_result_kept_for_a_shorter_time_but_not_for_a_longer_one() {
    let store = store();
    let id = done(&store, job(Origin::Run), completed()).await;
    store.shorten_retention(&id, 60 * MINUTE);
    store.shorten_retention(&id, MINUTE);
    sleep(MINUTE / 2).await;
    assert_eq!(status(&store, &id), Some(Status::Completed));
    sleep(MINUTE).await;
    assert_eq!(status(&store, &id), None);
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_time_to_live_is_over_is_gone_wherever_it_was() {
    let store = store();
    let short = || {
        let mut job = job(Origin::Run);
        job.policy.ttl = MINUTE;
        job
    };
    let ended = done(&store, short(), completed()).await;
    let running = store.submit(short()).unwrap();
    let taken = store.take().await;
    let waiting = store.submit(short()).unwrap();
    sleep(MINUTE / 2).await;
    assert!(!taken.stop.is_cancelled());
    let told = store.ended(&running, 60 * MINUTE).await;
    assert!(told.is_none(), "who waits for it learns that: {told:?}");
    assert!(taken.stop.is_cancelled());
    store.finish(&taken.ticket, completed());
    store.release(&taken.ticket);
    for id in [ended, running, waiting] {
        assert_eq!(status(&store, &id), None);
    }
    assert_eq!(store.counts().in_queue, 0);
    assert!(store.lock().records.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_runs_for_too_long_times_out_from_its_start() {
    let store = store();
    let mut long = job(Origin::Run);
    long.policy.execution_timeout = MINUTE;
    let id = store.submit(long).unwrap();
    // Time in the queue does not count.
    sleep(5 * MINUTE).await;
    let taken = store.take().await;
    sleep(MINUTE - Duration::from_millis(1)).await;
    assert_eq!(status(&store, &id), Some(Status::InProgress));
    let document = store.ended(&id, MINUTE).await.unwrap();
    assert!(taken.stop.is_cancelled());
    let text = serde_json::to_value(&document).unwrap();
    assert_eq!(text["status"], "TIMED_OUT");
    assert_eq!((&text["delayTime"], &text["executionTime"]), (&json!(300_000), &json!(60_000)));
    // What its handler says now comes too late.
    store.finish(&taken.ticket, completed());
    assert_eq!(status(&store, &id), Some(Status::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_start_says_is_void_after_a_retry() {
    let store = store();
    let failed = Ending::Failed { error: "no".to_owned(), output: Some(raw(&"old")) };
    let id = store.submit(job(Origin::Run)).unwrap();
    let first = store.take().await;
    store.finish(&first.ticket, failed);
    store.release(&first.ticket);
    store.retry(&id).unwrap();
    let again = store.take().await;
    store.progress(&first.ticket, raw(&"late"));
    store.chunk(&first.ticket, raw(&"late"));
    store.finish(&first.ticket, completed());
    let text = serde_json::to_value(store.document(&id).unwrap()).unwrap();
    assert_eq!((&text["status"], text.get("output")), (&json!("IN_PROGRESS"), None));
    assert!(store.unread(&id, Duration::ZERO).await.unwrap().1.is_empty());
    store.finish(&again.ticket, completed());
    assert_eq!(status(&store, &id), Some(Status::Completed));
}

#[tokio::test(start_paused = true)]
async fn what_ended_first_makes_room_for_new_results() {
    let store = store();
    let megabytes = raw(&"x".repeat(20 << 20));
    let mut ids = Vec::new();
    for _ in 0..20 {
        // One text, counted every time.
        ids.push(done(&store, job(Origin::Run), Ending::Completed(Arc::clone(&megabytes))).await);
        sleep(Duration::from_secs(1)).await;
    }
    let known: Vec<bool> = ids.iter().map(|id| status(&store, id).is_some()).collect();
    assert_eq!(known, [vec![false; 8], vec![true; 12]].concat(), "12 times 20 MiB fit into 256 MiB");
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_never_thrown_away_for_something_new() {
    let store = store();
    let megabytes = raw(&json!({"x": "x".repeat(20 << 20)}));
    let large = || Submission { input: Arc::clone(&megabytes), ..job(Origin::Run) };
    let waiting: Vec<JobId> = (0..12).map(|_| store.submit(large()).unwrap()).collect();
    assert_eq!(store.submit(large()).unwrap_err(), Refused::Full);
    // Nor is there room for an output of that size, and the caller learns that.
    let first = store.take().await;
    store.finish(&first.ticket, Ending::Completed(Arc::clone(&megabytes)));
    let text = serde_json::to_value(store.document(&waiting[0]).unwrap()).unwrap();
    assert_eq!(text["status"], "FAILED");
    assert!(text["error"].as_str().unwrap().contains("more than this server can hold"), "{text}");
    assert!(waiting[1..].iter().all(|id| status(&store, id) == Some(Status::InQueue)));
}

#[tokio::test(start_paused = true)]
async fn chunks_that_nobody_fetches_take_bounded_memory_and_the_newest_stay() {
    let store = store();
    let id = store.submit(job(Origin::Run)).unwrap();
    let taken = store.take().await;
    let megabyte = "x".repeat(1 << 20);
    for number in 0..100 {
        store.chunk(&taken.ticket, raw(&json!([number, megabyte])));
    }
    let (_, chunks) = store.unread(&id, Duration::ZERO).await.unwrap();
    assert_eq!(chunks.len(), 19);
    assert!(chunks[18].get().starts_with("[99,"));
}

#[tokio::test(start_paused = true)]
async fn the_number_of_known_jobs_is_bounded() {
    let store = store();
    let first = done(&store, job(Origin::Run), completed()).await;
    for _ in 1..MAX_KNOWN {
        done(&store, job(Origin::Run), completed()).await;
    }
    assert_eq!(status(&store, &first), Some(Status::Completed));
    store.submit(job(Origin::Run)).unwrap();
    assert_eq!(status(&store, &first), None);
    assert_eq!(store.lock().records.len(), MAX_KNOWN);
}

#[tokio::test(start_paused = true)]
async fn two_jobs_that_come_at_once_wake_two_runners() {
    let store = store();
    let (one, other) = (Arc::clone(&store), Arc::clone(&store));
    let one = tokio::spawn(async move { one.take().await });
    let other = tokio::spawn(async move { other.take().await });
    // Before either runner was ever polled: both notices fall together.
    store.submit(job(Origin::Run)).unwrap();
    store.submit(job(Origin::Run)).unwrap();
    let both = async { (one.await.unwrap(), other.await.unwrap()) };
    let (one, other) = tokio::time::timeout(MINUTE, both).await.unwrap();
    assert_ne!(one.ticket.id, other.ticket.id);
}

#[tokio::test(start_paused = true)]
async fn webhooks_that_nobody_delivers_pile_up_only_so_far() {
    let (store, mut deliveries) = Store::new();
    for _ in 0..MAX_DELIVERIES + 5 {
        let webhook = Some("http://127.0.0.1:1/".parse().unwrap());
        done(&store, Submission { webhook, ..job(Origin::RunSync) }, completed()).await;
    }
    let mut waiting = 0;
    while deliveries.try_recv().is_ok() {
        waiting += 1;
    }
    assert_eq!(waiting, MAX_DELIVERIES);
}
