use std::sync::{Arc, Mutex};

use axum::http::Response;

use super::*;
use crate::courier::Grants;
use crate::testing::{Server, StillClock, impatient, leads_to, respond, with, world};

/// Longer than any piece that is not redacted.
const CANARY: &str = "canaryCANARY0123456789";

fn reporter(named: &[&str], origins: &[&str]) -> Reporter {
    let parse = |list: &[&str]| list.iter().map(|o| o.parse().unwrap()).collect();
    let secrets = ["HOOK", "TOKEN", "GONE"].map(str::to_owned).to_vec();
    let grants = Grants { named: parse(named), origins: parse(origins), secrets, body_secrets: Vec::new() };
    Reporter { name: "slack".into(), grants }
}

fn post(url: &str) -> Asked {
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    Asked { method: "POST".into(), url: url.into(), headers, body: br#"{"text":"hello"}"#.to_vec() }
}

fn with_token(asked: Asked) -> Asked {
    let mut asked = asked;
    asked.headers.push(("Authorization".into(), "Bearer ${{ secrets.TOKEN }}".into()));
    asked
}

/// A world in which `HOOK` is this URL.
fn here(hook: &str) -> (Arc<World>, Arc<StillClock>) {
    world(&[("HOOK", hook), ("TOKEN", CANARY)], leads_to(&["127.0.0.1"]))
}

#[tokio::test]
async fn a_url_that_is_one_secret_leads_where_the_user_says() {
    let server = Server::scripted(vec![respond(200, "ok")]).await;
    let (world, _) = here(&format!("{}/services/T0/B0/{CANARY}", server.url));
    let asked = with_token(post("${{ secrets.HOOK }}"));
    send(&world, &reporter(&[], &[]), asked).await.unwrap();
    let got = server.requests().remove(0);
    assert_eq!((got.method.as_str(), got.body.as_str()), ("POST", r#"{"text":"hello"}"#));
    assert_eq!(got.path, format!("/services/T0/B0/{CANARY}"));
    assert_eq!(got.headers["authorization"], format!("Bearer {CANARY}"));
    assert!(got.headers["user-agent"].to_str().unwrap().starts_with("flaky/"));
}

#[tokio::test]
async fn what_looks_like_a_placeholder_in_a_body_stays_unless_it_was_granted_for_bodies() {
    let server = Server::scripted(vec![respond(200, ""), respond(200, "")]).await;
    let (world, _) = world(&[("HOOK", &server.url), ("TOKEN", "a\"b")], leads_to(&["127.0.0.1"]));
    let body = r#"{"test":"test ${{ secrets.TOKEN }}"}"#;
    let asked = Asked { body: body.into(), ..post("${{ secrets.HOOK }}") };
    let mut reporter = reporter(&[], &[]);
    send(&world, &reporter, asked.clone()).await.unwrap();
    assert_eq!(server.requests()[0].body, body);

    reporter.grants.body_secrets = vec!["TOKEN".into()];
    send(&world, &reporter, asked.clone()).await.unwrap();
    assert_eq!(server.requests()[1].body, r#"{"test":"test a\"b"}"#);

    for (kind, body) in
        [("application/json", "{${{ secrets.TOKEN }}}"), ("text/xml", "<a>${{ secrets.TOKEN }}</a>")]
    {
        let headers = vec![("Content-Type".to_owned(), kind.to_owned())];
        let asked = Asked { headers, body: body.into(), ..asked.clone() };
        let error = send(&world, &reporter, asked).await.unwrap_err();
        assert!(matches!(error, HttpError::Body { .. }), "{kind}: {error}");
    }
    assert_eq!(server.requests().len(), 2);
    // Nothing to fill in: whatever it is, it is sent as it is.
    let server = Server::scripted(vec![respond(200, "")]).await;
    let (world, _) = here(&server.url);
    reporter.grants.body_secrets.clear();
    let headers = vec![("Content-Type".to_owned(), "text/xml".to_owned())];
    let body = "<a>${{ secrets.TOKEN }}</a>";
    send(&world, &reporter, Asked { headers, body: body.into(), ..asked }).await.unwrap();
    assert_eq!(server.requests()[0].body, body);
}

#[tokio::test]
async fn nothing_is_sent_to_an_origin_that_nobody_allowed() {
    let server = Server::scripted(vec![respond(200, "")]).await;
    let (world, _) = here("https://hooks.slack.com/x");
    let reporter = reporter(&[], &["https://hooks.slack.com"]);
    for url in [
        &server.url,
        "https://example.org/",
        "https://hooks.slack.com.example.org/",
        "https://hooks.slack.com:444/",
        "https://example.org/${{ secrets.TOKEN }}",
        "https://${{ secrets.TOKEN }}.example.org/",
    ] {
        let error = send(&world, &reporter, post(url)).await.unwrap_err();
        assert!(matches!(error, HttpError::NotGranted { .. }), "{url}: {error}");
        assert!(!format!("{error} {error:?}").to_lowercase().contains(&CANARY.to_lowercase()), "{error}");
    }
    for url in [
        "http://hooks.slack.com/",
        "ftp://hooks.slack.com/",
        "https://user@hooks.slack.com/",
        "file:///etc/passwd",
        "hooks.slack.com",
        "",
        "data:text/plain,x",
    ] {
        let error = send(&world, &reporter, post(url)).await.unwrap_err();
        assert!(matches!(error, HttpError::Url { .. }), "{url}: {error}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_not_connected_to() {
    let reporter =
        reporter(&[], &["https://hooks.example.org", "https://169.254.169.254", "https://[::ffff:10.0.0.1]"]);
    for address in [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "::1",
        "::ffff:192.168.0.1",
        "fd00::1",
        "224.0.0.1",
    ] {
        let (world, clock) = world(&[], leads_to(&[address]));
        let error = send(&world, &reporter, post("https://hooks.example.org/x")).await.unwrap_err();
        let expected = HttpError::Private {
            shown: "https://hooks.example.org/x".into(),
            address: address.parse().unwrap(),
        };
        assert_eq!(error, expected);
        assert_eq!(clock.paused(), Duration::ZERO);
    }
    let (world, _) = world(&[], leads_to(&["8.8.8.8"]));
    for url in ["https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/"] {
        let error = send(&world, &reporter, post(url)).await.unwrap_err();
        assert!(matches!(error, HttpError::Private { .. }), "{url}: {error}");
    }
}

#[tokio::test]
async fn an_origin_that_the_user_named_may_be_anywhere_but_unencrypted_only_here() {
    let server = Server::scripted(vec![respond(204, "")]).await;
    let url = server.url.replace("127.0.0.1", "localhost");
    let reporter = reporter(&[&url], &[]);
    let (here, _) = world(&[], leads_to(&["127.0.0.1"]));
    send(&here, &reporter, post(&url)).await.unwrap();
    assert_eq!(server.requests().len(), 1);
    // A name of this machine that leads to another one.
    let (elsewhere, _) = world(&[], leads_to(&["10.0.0.1"]));
    let error = send(&elsewhere, &reporter, post(&url)).await.unwrap_err();
    assert!(matches!(error, HttpError::Private { .. }), "{error}");
}

#[tokio::test]
async fn an_origin_allowed_to_a_plugin_alone_does_not_open_this_machine() {
    let server = Server::scripted(vec![respond(200, "")]).await;
    let (world, _) = here("unused");
    let error = send(&world, &reporter(&[], &[&server.url]), post(&server.url)).await.unwrap_err();
    assert!(matches!(error, HttpError::NotGranted { .. }), "{error}");
    assert_eq!(server.requests().len(), 0);
}

fn redirect(status: u16, to: &str) -> Response<axum::body::Body> {
    with(respond(status, ""), "location", to)
}

#[tokio::test]
async fn redirects_keep_the_method_or_become_a_get_and_end_after_three() {
    for (status, expected) in [
        (307, Some(("POST", r#"{"text":"hello"}"#))),
        (308, Some(("POST", r#"{"text":"hello"}"#))),
        (303, Some(("GET", ""))),
        (301, None),
        (302, None),
        (304, None),
    ] {
        let server = Server::scripted(vec![redirect(status, "/next"), respond(200, "")]).await;
        let (world, _) = here(&server.url);
        let sent = send(&world, &reporter(&[], &[]), post("${{ secrets.HOOK }}")).await;
        let requests = server.requests();
        match expected {
            Some((method, body)) => {
                sent.unwrap();
                assert_eq!((requests[1].method.as_str(), requests[1].body.as_str()), (method, body));
                assert_eq!(requests[1].path, "/next");
            }
            None => {
                assert!(
                    matches!(sent, Err(HttpError::Redirect { status: s, .. }) if s == status),
                    "{status}"
                );
                assert_eq!(requests.len(), 1);
            }
        }
    }
    for (count, fine) in [(3, true), (4, false)] {
        let mut answers: Vec<_> = (0..count).map(|_| redirect(307, "/again")).collect();
        answers.push(respond(200, ""));
        let server = Server::scripted(answers).await;
        let (world, _) = here(&server.url);
        let sent = send(&world, &reporter(&[], &[]), post("${{ secrets.HOOK }}")).await;
        assert_eq!(sent.is_ok(), fine, "{count}");
        assert_eq!(server.requests().len(), 4);
    }
}

#[tokio::test]
async fn a_redirect_leads_only_where_a_request_may_and_never_takes_a_secret_along() {
    let other = Server::start(|_| respond(200, "")).await;
    let elsewhere = format!("{}/stolen", other.url);
    for (to, named, token, arrives) in [
        (elsewhere.as_str(), false, false, false),
        (elsewhere.as_str(), true, false, true),
        (elsewhere.as_str(), true, true, false),
        ("http://169.254.169.254/latest/meta-data", false, false, false),
        ("https://169.254.169.254/", false, false, false),
        ("https://metadata.example.org/", false, false, false),
        ("file:///etc/passwd", false, false, false),
        ("//", false, false, false),
    ] {
        let before = other.requests().len();
        let location = to.to_owned();
        let server = Server::start(move |_| redirect(307, &location)).await;
        let (world, _) = here(&format!("{}/{CANARY}", server.url));
        let named: Vec<&str> = if named { vec![&other.url] } else { vec![] };
        let asked = post("${{ secrets.HOOK }}");
        let asked = if token { with_token(asked) } else { asked };
        let sent = send(&world, &reporter(&named, &["https://metadata.example.org"]), asked).await;
        assert_eq!(other.requests().len() - before, usize::from(arrives), "{to}");
        assert_eq!(sent.is_ok(), arrives, "{to}: {sent:?}");
    }
    for got in other.requests() {
        assert!(!format!("{got:?}").contains(CANARY));
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_after_the_rest_that_was_asked_for() {
    let date = "Sun, 09 Sep 2001 01:47:00 GMT"; // 20 s after the clock's start
    let server = Server::scripted(vec![
        respond(503, ""),
        with(respond(429, ""), "retry-after", "7"),
        with(respond(429, ""), "retry-after", date),
        respond(200, ""),
    ])
    .await;
    let (world, clock) = here(&server.url);
    send(&world, &reporter(&[], &[]), post("${{ secrets.HOOK }}")).await.unwrap();
    let pauses = clock.pauses.lock().unwrap().clone();
    let seconds: Vec<_> = pauses.iter().map(Duration::as_secs_f64).collect();
    assert!(seconds[0] >= 0.25 && seconds[0] <= 0.5, "{seconds:?}");
    assert!(seconds[1] >= 7.5 && seconds[1] <= 8.0, "{seconds:?}");
    // The date, less what the pauses before it took, and a scattered pause.
    let rest = 20.0 - seconds[0] - seconds[1];
    assert!(seconds[2] >= rest + 1.0 && seconds[2] <= rest + 2.0, "{seconds:?}");
}

#[tokio::test]
async fn trying_has_an_end() {
    let (reporter, asked) = (reporter(&[], &[]), post("${{ secrets.HOOK }}"));
    let server = Server::start(|_| respond(500, "down")).await;
    let (world, clock) = here(&server.url);
    let error = send(&world, &reporter, asked.clone()).await.unwrap_err();
    assert!(matches!(&error, HttpError::Refused { status: 500, why, .. } if why == "down"), "{error}");
    assert_eq!(server.requests().len(), 8);
    assert!(clock.paused() < Duration::from_secs(120));

    for rest in ["3600", "1e18", "Fri, 01 Jan 2100 00:00:00 GMT"] {
        let server = Server::start(move |_| with(respond(429, ""), "retry-after", rest)).await;
        let (world, clock) = here(&server.url);
        let error = send(&world, &reporter, asked.clone()).await.unwrap_err();
        assert!(matches!(error, HttpError::Throttled { .. }), "{error}");
        assert_eq!((server.requests().len(), clock.paused()), (1, Duration::ZERO));
    }
    for status in [400, 401, 403, 404, 410] {
        let server = Server::scripted(vec![respond(status, r#"{"message": "no\nway"}"#)]).await;
        let (world, _) = here(&server.url);
        let error = send(&world, &reporter, asked.clone()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("`${{{{ secrets.HOOK }}}}` answered {status}: no way"));
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn what_may_have_arrived_is_not_sent_twice_and_what_did_not_is() {
    let (reporter, asked) = (reporter(&[], &[]), post("${{ secrets.HOOK }}"));
    // Takes the request and says nothing; takes it and hangs up.
    for says_nothing in [true, false] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook = format!("http://{}", listener.local_addr().unwrap());
        let (world, clock) = impatient(&[("HOOK", &hook)]);
        let taken = Arc::new(Mutex::new(0));
        let count = Arc::clone(&taken);
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                *count.lock().unwrap() += 1;
                let mut buffer = [0; 4096];
                let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut buffer).await;
                if says_nothing {
                    open.push(socket);
                }
            }
        });
        let error = send(&world, &reporter, asked.clone()).await.unwrap_err();
        assert!(matches!(error, HttpError::Unreachable { tries: 1, .. }), "{error}");
        assert_eq!((*taken.lock().unwrap(), clock.paused()), (1, Duration::ZERO));
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (world, clock) = here(&format!("http://{closed}"));
    let error = send(&world, &reporter, asked).await.unwrap_err();
    assert!(matches!(error, HttpError::Unreachable { tries: 8, .. }), "{error}");
    assert!(clock.paused() > Duration::from_secs(10));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_it() {
    let server = Server::scripted(vec![respond(200, vec![b'x'; MOST_READ * 4])]).await;
    let (world, _) = here(&server.url);
    send(&world, &reporter(&[], &[]), post("${{ secrets.HOOK }}")).await.unwrap();
}

#[test]
fn bodies_headers_and_methods_are_bounded() {
    let (world, _) = here("http://127.0.0.1:1/");
    let reporter = reporter(&[], &[]);
    let prepared = |asked| prepare(&world, &reporter, asked).map(drop);
    for (size, fine) in [(MOST_SENT - 1, true), (MOST_SENT, true), (MOST_SENT + 1, false)] {
        let asked = Asked { body: vec![b'x'; size], ..post("${{ secrets.HOOK }}") };
        assert_eq!(prepared(asked).is_ok(), fine, "{size}");
    }
    for method in ["", "post", "CONNECT", "TRACE", "POST\r\n", "HEAD"] {
        let asked = Asked { method: method.into(), ..post("${{ secrets.HOOK }}") };
        assert!(matches!(prepared(asked), Err(HttpError::Method { .. })), "{method}");
    }
    for (name, value) in
        [("Host", "x"), ("content-length", "0"), ("Transfer-Encoding", "chunked"), ("a b", "x"), ("", "x")]
    {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let asked = Asked { headers, ..post("${{ secrets.HOOK }}") };
        assert!(matches!(prepared(asked), Err(HttpError::Header { .. })), "{name}");
    }
    let headers = vec![("X".to_owned(), "a\r\nY: b".to_owned())];
    assert!(matches!(
        prepared(Asked { headers, ..post("${{ secrets.HOOK }}") }),
        Err(HttpError::Header { .. })
    ));
    let asked = post("${{ secrets.GONE }}");
    assert_eq!(prepared(asked).unwrap_err().to_string(), "the variable `GONE` is not set");
}

#[test]
fn slack_says_no_in_an_answer_that_says_yes() {
    let heard = |url: &str, body: &str| {
        let call =
            Call { method: Method::POST, url: url.parse().unwrap(), headers: HeaderMap::new(), body: None };
        let ready =
            Ready { shown: "s".into(), call, own: None, secret_inside: false, redactor: Redactor::default() };
        ready.heard(Reply { status: 200, headers: HeaderMap::new(), body: body.into(), cut: false })
    };
    let error =
        heard("https://slack.com/api/chat.postMessage", r#"{"ok":false,"error":"channel_not_found"}"#)
            .unwrap_err();
    assert_eq!(error.to_string(), "`s` answered 200: channel_not_found");
    heard("https://slack.com/api/chat.postMessage", r#"{"ok":true}"#).unwrap();
    heard("https://slack.com/api/chat.update", "<html>").unwrap_err();
    heard("https://example.org/", r#"{"ok":false}"#).unwrap();
}

/// Keeps all that is logged in this process.
struct Keeper(Mutex<String>);

impl log::Log for Keeper {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push_str(&format!("{} {}\n", record.target(), record.args()));
    }

    fn flush(&self) {}
}

static KEEPER: Keeper = Keeper(Mutex::new(String::new()));

#[tokio::test]
async fn no_secret_is_in_any_error_or_log() {
    log::set_logger(&KEEPER).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    // Receivers that repeat what they were sent, in all the ways there are to fail.
    let echo = |status: u16| {
        move |got: &crate::testing::Got| {
            let token = got.headers.get("authorization").map(|v| v.to_str().unwrap().to_owned());
            with(respond(status, format!("{} {token:?} {}", got.path, got.body)), "location", &got.path)
        }
    };
    let mut errors = Vec::new();
    for status in [301, 302, 307, 400, 404, 429, 500] {
        let server = Server::start(echo(status)).await;
        for hook in [format!("{}/services/{CANARY}", server.url), format!("{}/x?token={CANARY}", server.url)]
        {
            let (world, _) = here(&hook);
            let sent = send(&world, &reporter(&[], &[]), with_token(post("${{ secrets.HOOK }}"))).await;
            errors.push(sent.unwrap_err());
        }
    }
    for hook in [
        format!("http://127.0.0.1:1/{CANARY}"),
        format!("https://host.invalid/{CANARY}"),
        format!("https://127.0.0.1:1/{CANARY}"),
        format!("http://example.org/{CANARY}"),
        format!("https://user:{CANARY}@example.org/"),
        format!("{CANARY} is no URL"),
        format!("https://exa mple/{CANARY}"),
        format!("https://example.org/\n{CANARY}"),
    ] {
        let (world, _) = here(&hook);
        let sent = send(&world, &reporter(&[], &[]), with_token(post("${{ secrets.HOOK }}"))).await;
        errors.push(sent.unwrap_err());
    }
    for error in &errors {
        let text = format!("{error} {error:?}").to_lowercase();
        assert!(!text.contains(&CANARY.to_lowercase()), "{text}");
    }
    let logged = KEEPER.0.lock().unwrap().to_lowercase();
    assert!(logged.contains("connect"), "nothing was logged: this test proves nothing");
    let lines: Vec<_> = logged.lines().filter(|line| line.contains(&CANARY.to_lowercase())).collect();
    assert!(lines.is_empty(), "{lines:?}");
}
