use std::collections::BTreeMap;

use super::conductor::conduct;
use super::testing::*;
use super::*;
use crate::endpoint::{JobState, Missing};

const S: Duration = Duration::from_secs(1);

/// What a fleet said and did.
struct Seen {
    result: Result<FleetSummary, FleetError>,
    events: Vec<FleetEvent>,
    took: Duration,
}

impl Seen {
    /// What was handed over per attempt.
    fn attempts(&self) -> BTreeMap<u32, Vec<String>> {
        let mut all = BTreeMap::<u32, Vec<String>>::new();
        for event in &self.events {
            if let FleetEvent::Attempt { attempt, .. } = event {
                let text = String::from_utf8(attempt.stdout.bytes.clone()).unwrap();
                all.entry(attempt.index.0).or_default().push(text);
            }
        }
        all
    }

    /// How shards ended, and what was said when they were submitted again.
    fn story(&self) -> Vec<String> {
        self.events
            .iter()
            .filter_map(|event| match event {
                FleetEvent::Resubmitted { shard, why } => Some(format!("{shard} again: {why}")),
                FleetEvent::Ended { shard, .. } => Some(format!("{shard} ended")),
                FleetEvent::Lost { shard, attempts, why } => {
                    Some(format!("{shard} lost {}: {why}", attempts.len()))
                }
                FleetEvent::Stopped { shard, attempts } => {
                    Some(format!("{shard} stopped {}", attempts.len()))
                }
                _ => None,
            })
            .collect()
    }

    fn summary(&self) -> &FleetSummary {
        self.result.as_ref().unwrap()
    }
}

async fn run_with(
    platform: &Arc<Platform>,
    shards: Vec<Shard>,
    known: Vec<(u32, JobId)>,
    settings: FleetSettings,
    signals: FleetSignals,
) -> Seen {
    let began = tokio::time::Instant::now();
    let (sender, mut receiver) = mpsc::channel(4);
    let plan = FleetPlan { shards, orders: Arc::new(PlainOrders), known };
    let fleet = tokio::spawn(conduct(Client(Arc::clone(platform)), plan, settings, sender, signals));
    let mut events = Vec::new();
    while let Some(event) = receiver.recv().await {
        events.push(event);
    }
    Seen { result: fleet.await.unwrap(), events, took: began.elapsed() }
}

async fn run(platform: &Arc<Platform>, shards: Vec<Shard>) -> Seen {
    run_with(platform, shards, vec![], FleetSettings::default(), FleetSignals::default()).await
}

fn once(attempts: impl IntoIterator<Item = u32>, text: &str) -> BTreeMap<u32, Vec<String>> {
    attempts.into_iter().map(|i| (i, vec![text.to_owned()])).collect()
}

/// It has ended already.
fn over(play: Play) -> Play {
    Play { queue: Duration::ZERO, run: Duration::ZERO, ..play }
}

type Director = fn(&Submission) -> Play;

#[tokio::test(start_paused = true)]
async fn whatever_becomes_of_a_job_every_attempt_is_handed_over_once_or_named_as_lost() {
    use JobState::{Cancelled, Completed, Failed, TimedOut};
    fn first(s: &Submission, play: impl FnOnce() -> Play) -> Play {
        if s.earlier == 0 { play() } else { Play::good(s) }
    }
    // What becomes of jobs, attempts per submission, story; every attempt arrives unless the story says otherwise.
    let table: [(&str, Director, &[usize], &[&str]); 17] = [
        ("in the output", Play::good, &[4], &["0 ended"]),
        ("in both", |s| Play::good(s).streaming(s, 4), &[4], &["0 ended"]),
        ("half in the stream, all in the output", |s| Play::good(s).streaming(s, 2), &[4], &["0 ended"]),
        ("only in the stream", |s| Play::ending(End::State(Completed)).streaming(s, 4), &[4], &["0 ended"]),
        (
            "all at the end of the stream, as late as can be",
            |s| {
                let mut play = Play::ending(End::State(Failed)).streaming(s, 4);
                play.chunks.iter_mut().for_each(|chunk| chunk.0 = play.run);
                play
            },
            &[4],
            &["0 ended"],
        ),
        (
            "in the stream of a job that was never seen running",
            |s| {
                let mut play = Play::ending(End::State(Failed)).streaming(s, 4);
                play.chunks.iter_mut().for_each(|chunk| chunk.0 = Duration::ZERO);
                Play { run: Duration::from_millis(1), ..play }
            },
            &[4],
            &["0 ended"],
        ),
        (
            "the platform makes a list of chunks the output",
            |s| {
                let mut play = Play::good(s).streaming(s, 4);
                play.output = Some(play.chunks.drain(..).map(|chunk| chunk.1).collect());
                play
            },
            &[4],
            &["0 ended"],
        ),
        (
            "the worker dies after three",
            |s| {
                first(s, || Play {
                    error: Some("worker exited".into()),
                    ..Play::ending(End::State(Failed)).streaming(s, 3)
                })
            },
            &[4, 1],
            &["0 again: its job failed: worker exited", "0 ended"],
        ),
        (
            "too slow",
            |s| first(s, || Play::ending(End::State(TimedOut)).streaming(s, 1)),
            &[4, 3],
            &["0 again: its job took too long", "0 ended"],
        ),
        (
            "forgotten",
            |s| first(s, || Play::ending(End::Forgotten)),
            &[4, 4],
            &["0 again: the endpoint does not know its job any more: it expired or was dropped", "0 ended"],
        ),
        (
            "no output",
            |s| first(s, || Play::ending(End::State(Completed))),
            &[4, 4],
            &["0 again: its job ended without output", "0 ended"],
        ),
        (
            "an incomplete output",
            |s| {
                first(s, || Play {
                    output: Some(output(&head(0), [attempt(1, "out")])),
                    ..Play::ending(End::State(Completed))
                })
            },
            &[4, 3],
            &["0 again: its job ended without 3 of its attempts", "0 ended"],
        ),
        (
            "it never ends",
            |s| first(s, || Play::ending(End::Never).streaming(s, 2)),
            &[4, 2],
            &["0 again: its job still ran 60 s after its time of 600 s", "0 ended"],
        ),
        (
            "somebody cancels it",
            |_| Play::ending(End::State(Cancelled)),
            &[4],
            &["0 lost 4: somebody cancelled its job"],
        ),
        (
            "it fails again and again",
            |s| Play::ending(End::State(Failed)).streaming(s, 1),
            &[4, 3, 2],
            &[
                "0 again: its job failed, and nobody says why",
                "0 again: its job failed, and nobody says why",
                "0 lost 1: its job failed, and nobody says why",
            ],
        ),
        (
            "the worker gives up in the middle",
            |s| {
                first(s, || Play {
                    output: Some(output(&failed_head(0), [attempt(1, "out")])),
                    ..Play::ending(End::State(Completed))
                })
            },
            &[4, 3],
            &["0 again: its worker gave up: no such repository", "0 ended"],
        ),
        (
            "no attempt can be made",
            |_| Play { output: Some(output(&failed_head(0), [])), ..Play::ending(End::State(Completed)) },
            &[4],
            &["0 ended"],
        ),
    ];
    for (name, director, submitted, story) in table {
        let platform = Platform::new(director);
        let seen = run(&platform, vec![shard(0, 1..5)]).await;
        assert_eq!(seen.story(), story, "{name}");
        let sizes: Vec<_> = platform.submissions().iter().map(|s| s.attempts.len()).collect();
        assert_eq!(sizes, submitted, "{name}");
        let expected = match name {
            "somebody cancels it" | "no attempt can be made" => 0,
            "it fails again and again" => 3,
            _ => 4,
        };
        assert_eq!(seen.attempts(), once(1..=expected, "out"), "{name}");
        let summary = seen.summary();
        assert_eq!((summary.submitted as usize, summary.left.len()), (submitted.len(), 0), "{name}");
        assert_eq!(summary.resubmitted as usize, submitted.len() - 1, "{name}");
        assert_eq!(platform.alive(), 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_is_no_output_and_is_named() {
    for garbage in [json("x"), json("{\"a\": 1}"), json("7"), json("[1, 2]")] {
        let bad = garbage.clone();
        let platform = Platform::new(move |s| Play {
            output: Some(if s.earlier == 0 { bad.clone() } else { Play::good(s).output.unwrap() }),
            ..Play::ending(End::State(JobState::Completed))
        });
        let seen = run(&platform, vec![shard(0, 1..3)]).await;
        assert!(seen.story()[0].starts_with("0 again: its output is of no use: "), "{:?}", seen.story());
        assert_eq!(seen.attempts(), once(1..3, "out"), "{garbage}");
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

#[tokio::test(start_paused = true)]
async fn of_the_copies_of_an_attempt_the_one_that_holds_most_counts() {
    type Copies = fn(&Submission) -> (Vec<WireAttempt>, Vec<WireAttempt>);
    // Streamed, in the output, handed over.
    let table: [(Copies, &str); 4] = [
        (|_| (vec![cut(1, "a")], vec![attempt(1, "abc")]), "abc"),
        (|_| (vec![attempt(1, "abc")], vec![cut(1, "a")]), "abc"),
        (|_| (vec![cut(1, "ab")], vec![cut(1, "a")]), "ab"),
        (|_| (vec![cut(1, "a")], vec![]), "a"),
    ];
    for (copies, expected) in table {
        let platform = Platform::new(move |s| {
            let (streamed, whole) = copies(s);
            Play {
                chunks: vec![(S, chunk(streamed))],
                output: Some(output(&head(0), whole)),
                ..Play::ending(End::State(JobState::Completed))
            }
        });
        let seen = run(&platform, vec![shard(0, [1])]).await;
        assert_eq!(seen.attempts(), once([1], expected));
        assert_eq!(seen.summary().submitted, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_runs_twice_because_an_answer_was_lost_counts_once() {
    let platform = Platform::new(|s| Play::good(s).streaming(s, 2));
    platform.lose_run_answers(2);
    let seen = run(&platform, vec![shard(0, 0..4)]).await;
    assert_eq!(platform.submissions().len(), 3);
    assert_eq!(seen.attempts(), once(0..4, "out"));
    assert_eq!((seen.story(), seen.summary().submitted), (vec!["0 ended".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_is_away_for_half_a_minute_loses_nothing() {
    // While submitting, queued, running, at the end.
    for from in [0, 1, 2, 5, 11, 12] {
        let platform = Platform::new(|s| Play::good(s).streaming(s, 3));
        platform.away(from * S / 2, from * S / 2 + 30 * S);
        let seen = run(&platform, (0..5).map(|n| shard(n, n * 4..n * 4 + 4)).collect()).await;
        assert_eq!(seen.attempts(), once(0..20, "out"), "away from {from}");
        assert_eq!((seen.summary().submitted, seen.summary().resubmitted), (5, 0), "away from {from}");
        // It is noticed soon that it is back.
        assert!(seen.took < 55 * S, "{:?}", seen.took);
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_stays_silent_is_given_up_and_its_jobs_are_left() {
    // Away from the beginning; away after it was heard.
    for (from, took) in [(0, 60), (5, 605)] {
        let platform = Platform::new(|s| Play { run: 3600 * S, ..Play::good(s) });
        platform.away(from * S, 100_000 * S);
        let seen = run(&platform, vec![shard(0, 0..2), shard(1, 2..4)]).await;
        let Err(FleetError::Silent { after, why }) = &seen.result else { panic!("{:?}", seen.result) };
        assert!(why.contains("connection refused"), "{why}");
        assert!(*after >= (took - from - 1) * S && seen.took < (took + 10) * S, "{after:?} {:?}", seen.took);
        assert_eq!(platform.cancelled(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_of_which_nothing_can_be_learnt_is_lost_though_the_endpoint_answers_others() {
    let platform = Platform::new(|s| match (s.shard, s.earlier) {
        (0, 0) => Play::ending(End::Unspeakable),
        (0, _) => Play::good(s),
        _ => Play { run: 500 * S, ..Play::good(s) },
    });
    let seen = run(&platform, vec![shard(0, 0..2), shard(1, 2..4)]).await;
    assert!(seen.story()[0].starts_with("0 again: nothing can be learnt of its job: "), "{:?}", seen.story());
    assert_eq!(seen.attempts(), once(0..4, "out"));
    // It may still run: it was cancelled.
    assert_eq!((platform.cancelled(), seen.summary().resubmitted), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_concerns_every_shard_ends_the_fleet_and_calls_the_others_back() {
    let refused = EndpointError::Refused { status: 400, why: "no".into() };
    let nowhere = EndpointError::NotFound { what: Missing::Endpoint };
    for error in [EndpointError::Unauthorized, EndpointError::Forbidden, refused, nowhere] {
        let platform = Platform::new(Play::good);
        platform.refuse(error.clone());
        let seen = run(&platform, vec![shard(0, 0..2), shard(1, 2..4)]).await;
        assert_eq!(seen.result, Err(FleetError::Endpoint(error)));
        assert!(seen.took < S, "{:?}", seen.took);
    }
    // An order that cannot be made, while another shard is running.
    struct Picky;
    impl Orders for Picky {
        fn input(&self, shard: u32, attempts: &[AttemptIndex]) -> Result<Value, String> {
            if shard == 1 { Err("too large".into()) } else { PlainOrders.input(shard, attempts) }
        }
    }
    let platform = Platform::new(|s| Play { run: 3600 * S, ..Play::good(s) });
    let plan = FleetPlan {
        shards: vec![shard(0, 0..2), shard(1, 2..4)],
        orders: Arc::new(Picky),
        known: vec![(1, platform.put("old", Play::ending(End::State(JobState::Failed))))],
    };
    let (sender, mut receiver) = mpsc::channel(100);
    let ended = conduct(
        Client(Arc::clone(&platform)),
        plan,
        FleetSettings::default(),
        sender,
        FleetSignals::default(),
    )
    .await;
    assert_eq!(ended, Err(FleetError::Order { shard: 1, why: "too large".into() }));
    let mut events = vec![];
    receiver.recv_many(&mut events, 100).await;
    assert!(
        events.contains(&FleetEvent::Stopped { shard: 0, attempts: vec![AttemptIndex(0), AttemptIndex(1)] })
    );
    assert_eq!((platform.alive(), platform.submissions().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_worker_of_another_version_ends_the_fleet() {
    let mut foreign = head(0);
    foreign.version = 99;
    let platform = Platform::new(move |s| {
        let mut play = Play::good(s);
        let text = play.output.take().unwrap().to_string();
        assert!(text.contains('1'));
        play.output = Some(version_99(&text));
        play
    });
    let seen = run(&platform, vec![shard(0, 0..2)]).await;
    let Err(error @ FleetError::Version { shard: 0, .. }) = &seen.result else { panic!("{:?}", seen.result) };
    assert!(error.to_string().contains("99") && error.hint().is_some(), "{error}");
}

/// The same envelope, but of a version that does not exist yet.
fn version_99(sealed: &str) -> Value {
    let mut value: Value = serde_json::from_str(sealed).unwrap();
    let fields = value.as_object_mut().unwrap();
    let version = fields.values_mut().find(|v| v.as_u64() == Some(crate::wire::WIRE_VERSION.into())).unwrap();
    *version = 99.into();
    value
}

#[tokio::test(start_paused = true)]
async fn calling_back_cancels_what_is_queued_and_what_runs_and_names_what_is_missing() {
    for stop in [true, false] {
        // 50 run, 150 are queued.
        let platform = Platform::new(|s| Play {
            queue: if s.shard < 50 { S } else { 3600 * S },
            run: 3600 * S,
            ..Play::good(s).streaming(s, 3)
        });
        let signals = FleetSignals::default();
        let (token, at) = (if stop { &signals.stop } else { &signals.cancel }.clone(), 30 * S);
        tokio::spawn(async move {
            tokio::time::sleep(at).await;
            token.cancel();
        });
        let shards: Vec<_> = (0..200).map(|n| shard(n, n * 4..n * 4 + 4)).collect();
        let seen = run_with(&platform, shards, vec![], FleetSettings::default(), signals).await;
        assert_eq!((platform.alive(), platform.cancelled()), (0, 200));
        let summary = seen.summary();
        assert_eq!(summary.end, if stop { FleetEnd::Stopped } else { FleetEnd::Cancelled });
        assert_eq!((summary.left.len(), summary.untold), (0, 50));
        let stopped: usize = seen
            .events
            .iter()
            .map(|e| if let FleetEvent::Stopped { attempts, .. } = e { attempts.len() } else { 0 })
            .sum();
        assert_eq!((stopped, seen.attempts().len()), (50 + 150 * 4, 150));
        assert!(seen.took < at + 2 * S, "{:?}", seen.took);
    }
}

#[tokio::test(start_paused = true)]
async fn calling_back_an_endpoint_that_is_away_takes_bounded_time_and_says_what_is_left() {
    let platform = Platform::new(|s| Play { run: 3600 * S, ..Play::good(s) });
    platform.away(5 * S, 100_000 * S);
    let signals = FleetSignals::default();
    let token = signals.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(10 * S).await;
        token.cancel();
    });
    let shards = vec![shard(0, 0..2), shard(1, 2..4)];
    let seen = run_with(&platform, shards, vec![], FleetSettings::default(), signals).await;
    assert_eq!((seen.summary().end, seen.summary().left.len()), (FleetEnd::Cancelled, 2));
    assert!(seen.took <= 23 * S, "{:?}", seen.took);
}

#[tokio::test(start_paused = true)]
async fn when_nobody_listens_any_more_everything_is_called_back() {
    let platform = Platform::new(|s| Play { run: 3600 * S, ..Play::good(s).streaming(s, 2) });
    let (sender, mut receiver) = mpsc::channel(1);
    let plan = FleetPlan { shards: vec![shard(0, 0..4)], orders: Arc::new(PlainOrders), known: vec![] };
    let client = Client(Arc::clone(&platform));
    let fleet =
        tokio::spawn(conduct(client, plan, FleetSettings::default(), sender, FleetSignals::default()));
    assert!(matches!(receiver.recv().await, Some(FleetEvent::Submitted { .. })));
    drop(receiver);
    assert_eq!(fleet.await.unwrap().unwrap().end, FleetEnd::Cancelled);
    assert_eq!(platform.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn jobs_of_an_earlier_client_are_followed_and_what_is_gone_is_submitted_again() {
    let platform = Platform::new(Play::good);
    let of =
        |number: u32| Submission { shard: number, attempts: vec![number * 2, number * 2 + 1], earlier: 0 };
    let known = vec![
        (0, platform.put("running", Play::good(&of(0)).streaming(&of(0), 1))),
        (1, platform.put("done", over(Play::good(&of(1))))),
        (2, platform.put("gone", over(Play::ending(End::Forgotten)))),
        (3, platform.put("cancelled", over(Play::ending(End::State(JobState::Cancelled))))),
        // Submitted again by that client, and now both are there: half is in the older one.
        (
            4,
            platform.put(
                "older",
                over(Play {
                    output: Some(output(&head(4), [attempt(8, "older")])),
                    ..Play::ending(End::State(JobState::Failed))
                }),
            ),
        ),
        (4, platform.put("newer", Play::good(&of(4)))),
        // Here the older one has everything: the newer one is a waste.
        (5, platform.put("whole", over(Play::good(&of(5))))),
        (5, platform.put("waste", Play { run: 3600 * S, ..Play::good(&of(5)) })),
        (77, platform.put("unasked", Play::good(&of(77)))),
    ];
    let shards = (0..7).map(|n| shard(n, n * 2..n * 2 + 2)).collect();
    let settings = FleetSettings { resubmissions: 0, ..FleetSettings::default() };
    let seen = run_with(&platform, shards, known, settings, FleetSignals::default()).await;
    let mut expected = once(0..14, "out");
    expected.insert(8, vec!["older".into()]);
    assert_eq!(seen.attempts(), expected);
    let mut submitted: Vec<_> = platform.submissions().iter().map(|s| s.shard).collect();
    submitted.sort_unstable();
    assert_eq!(submitted, [2, 3, 6]);
    assert_eq!(platform.cancelled(), 1, "the waste");
    assert_eq!(seen.summary().left, []);
}

#[tokio::test(start_paused = true)]
async fn two_hundred_shards_are_followed_within_the_rate_limits_and_their_ends_noticed_soon() {
    let platform = Platform::new(|s| Play { queue: S * (s.shard / 20), ..Play::good(s).streaming(s, 5) });
    let seen = run(&platform, (0..200).map(|n| shard(n, n * 5..n * 5 + 5)).collect()).await;
    assert_eq!(seen.attempts(), once(0..1000, "out"));
    for (kind, limit) in [("run", 1000), ("status", 1800), ("stream", 1800)] {
        let most = platform.most_in_window(kind);
        assert!(most > 0 && most <= limit, "{most} {kind} requests in ten seconds");
    }
    // The last one starts after 9 s and takes 10.
    assert!(seen.took < 22 * S, "{:?}", seen.took);
    assert_eq!(seen.summary().execution_seconds, 2000);
}

#[tokio::test(start_paused = true)]
async fn no_more_jobs_are_on_the_endpoint_than_may_be_and_all_get_their_turn() {
    let platform = Platform::new(Play::good);
    let settings = FleetSettings { in_flight: 2, ..FleetSettings::default() };
    let watched = Arc::clone(&platform);
    let watch = tokio::spawn(async move {
        let mut most = 0;
        for _ in 0..400 {
            tokio::time::sleep(S / 10).await;
            most = most.max(watched.alive());
        }
        most
    });
    let shards = (0..6).map(|n| shard(n, [n])).collect();
    let seen = run_with(&platform, shards, vec![], settings, FleetSignals::default()).await;
    assert_eq!(seen.attempts(), once(0..6, "out"));
    assert_eq!(watch.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_shard_without_attempts_ends_with_its_head() {
    let platform = Platform::new(|s| {
        if s.earlier == 0 { Play::ending(End::State(JobState::Failed)) } else { Play::good(s) }
    });
    let seen = run(&platform, vec![shard(0, [])]).await;
    assert_eq!(seen.story(), ["0 again: its job failed, and nobody says why", "0 ended"]);
    let heads = seen.events.iter().filter(|e| matches!(e, FleetEvent::Head { .. })).count();
    assert_eq!(heads, 1);
}

#[tokio::test]
async fn a_fleet_goes_over_http() {
    let good = Play::good(&Submission { shard: 0, attempts: vec![0, 1], earlier: 0 });
    let done = serde_json::json!({"status": "COMPLETED", "output": good.output, "executionTime": 1200, "delayTime": 7});
    let app = axum::Router::new()
        .route("/v2/ep1/run", axum::routing::post(async || r#"{"id": "j-1", "status": "IN_QUEUE"}"#))
        .route("/v2/ep1/status/j-1", axum::routing::get(move || async move { done.to_string() }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let endpoint = Endpoint::new(crate::endpoint::EndpointSettings {
        base: format!("http://{address}/v2").parse().unwrap(),
        endpoint: "ep1".parse().unwrap(),
        key: crate::ApiKey::new("k").unwrap(),
    });
    let plan = FleetPlan { shards: vec![shard(0, 0..2)], orders: Arc::new(PlainOrders), known: vec![] };
    let (sender, mut receiver) = mpsc::channel(100);
    let (settings, signals) = (FleetSettings::default(), FleetSignals::default());
    let summary = super::conduct(&endpoint.unwrap(), plan, settings, sender, signals).await.unwrap();
    assert_eq!((summary.execution_seconds, summary.submitted, summary.delays.jobs), (2, 1, 1));
    let mut events = vec![];
    receiver.recv_many(&mut events, 100).await;
    let attempts = events.iter().filter(|e| matches!(e, FleetEvent::Attempt { .. })).count();
    assert_eq!(attempts, 2, "{events:?}");
}

mod chance {
    use proptest::prelude::*;

    use super::*;

    /// What becomes of one job: where its attempts are, and how it ends.
    #[derive(Debug, Clone)]
    struct Fate {
        queue: u64,
        run: u64,
        /// Per attempt: streamed, in the output, cut in each.
        copies: Vec<(bool, bool, bool, bool)>,
        ends: u8,
    }

    impl Fate {
        fn play(&self, s: &Submission) -> Play {
            let of = |i: u32| self.copies[i as usize % self.copies.len()];
            let make = |i: u32, is_cut| if is_cut { cut(i, "c") } else { attempt(i, "whole") };
            let streamed: Vec<_> =
                s.attempts.iter().filter(|i| of(**i).0).map(|i| make(*i, of(*i).2)).collect();
            let whole: Vec<_> = s.attempts.iter().filter(|i| of(**i).1).map(|i| make(*i, of(*i).3)).collect();
            let chunks =
                (0_u64..).zip(streamed).map(|(n, a)| (Duration::from_millis(n * 700), chunk([a]))).collect();
            let end = match self.ends {
                0 => End::Forgotten,
                1 => End::Never,
                2 => End::State(JobState::Failed),
                3 => End::State(JobState::TimedOut),
                4 => End::State(JobState::Cancelled),
                _ => End::State(JobState::Completed),
            };
            let output = matches!(self.ends, 2 | 5..).then(|| output(&head(s.shard), whole));
            Play {
                queue: Duration::from_millis(self.queue),
                run: Duration::from_millis(self.run),
                chunks,
                output,
                ..Play::ending(end)
            }
        }
    }

    fn fate() -> impl Strategy<Value = Fate> {
        let copies = proptest::collection::vec(any::<(bool, bool, bool, bool)>(), 1..7);
        (0_u64..20_000, 0_u64..40_000, copies, 0_u8..9).prop_map(|(queue, run, copies, ends)| Fate {
            queue,
            run,
            copies,
            ends,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_attempt_is_handed_over_twice_or_forgotten(
            fates in proptest::collection::vec(fate(), 1..12),
            sizes in proptest::collection::vec(1_u32..9, 1..12),
            (away, lost) in (0_u32..60, 0_usize..3),
            stop in proptest::option::of(0_u64..100_000),
        ) {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let platform = Platform::new(move |s: &Submission| {
                    fates[(s.shard as usize * 5 + s.earlier * 3) % fates.len()].play(s)
                });
                platform.away(away * S, away * S + 30 * S);
                platform.lose_run_answers(lost);
                let signals = FleetSignals::default();
                if let Some(at) = stop {
                    let token = signals.stop.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(at)).await;
                        token.cancel();
                    });
                }
                let mut next = 0;
                let shards: Vec<_> = (0..).zip(&sizes).map(|(number, size)| {
                    next += size;
                    shard(number, next - size..next)
                }).collect();
                let seen = run_with(&platform, shards, vec![], FleetSettings::default(), signals).await;
                seen.summary();
                let mut times = vec![0; next as usize];
                let mut ends = vec![0; sizes.len()];
                for event in &seen.events {
                    let (shard, missing) = match event {
                        FleetEvent::Attempt { attempt, .. } => {
                            times[attempt.index.0 as usize] += 1;
                            continue;
                        }
                        FleetEvent::Ended { shard, .. } => (*shard, [].as_slice()),
                        FleetEvent::Lost { shard, attempts, .. } | FleetEvent::Stopped { shard, attempts } => {
                            (*shard, attempts.as_slice())
                        }
                        _ => continue,
                    };
                    ends[shard as usize] += 1;
                    missing.iter().for_each(|i| times[i.0 as usize] += 1);
                }
                assert!(times.iter().all(|n| *n == 1), "{times:?} {:?}", seen.story());
                assert!(ends.iter().all(|n| *n == 1), "{ends:?} {:?}", seen.story());
                for number in 0..sizes.len() {
                    let submitted = platform.submissions().iter().filter(|s| s.shard as usize == number).count();
                    assert!(submitted <= 3 + lost, "{submitted}");
                }
            });
        }
    }
}
