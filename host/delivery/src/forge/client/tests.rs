use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use super::*;
use crate::testing::{Server, StillClock, impatient, leads_to, respond, with, world};

const TOKEN: &str = "ghs_canaryCANARY0123456789";

fn client(api: &str) -> (Forge, Arc<StillClock>) {
    let (world, clock) = world(&[("GITHUB_API_URL", api), ("GITHUB_TOKEN", TOKEN)], leads_to(&["127.0.0.1"]));
    (Forge::github(&world).unwrap(), clock)
}

async fn asked(answers: Vec<Response<Body>>) -> (Result<Value, ForgeError>, Arc<StillClock>, Server) {
    let server = Server::scripted(answers).await;
    let (forge, clock) = client(&server.url);
    let answer = forge.get::<Value>(&["a"], &[]).await;
    if let Err(error) = &answer {
        assert!(!format!("{error} {error:?}").contains(TOKEN));
    }
    (answer, clock, server)
}

/// Not a rate limit, and not for want of a permission either.
fn ok() -> Response<Body> {
    respond(200, "{}")
}

#[tokio::test]
async fn each_refusal_has_a_kind_of_its_own() {
    use ForgeErrorKind::{NotFound, Refused, Unauthorized, Unexpected};
    let said = |text: &str| json!({ "message": text }).to_string();
    let echo = format!("Bad credentials: {TOKEN}");
    for (answer, expected) in [
        (respond(401, said(&echo)), Unauthorized),
        (respond(404, said("Not Found")), NotFound),
        (respond(422, said(&echo)), Refused { status: 422, why: "Bad credentials: …".into() }),
        (respond(400, "<h1>no</h1>"), Refused { status: 400, why: "<h1>no</h1>".into() }),
        (respond(200, "{"), Unexpected { why: "EOF while parsing an object at line 1 column 1".into() }),
    ] {
        let (answer, clock, server) = asked(vec![answer]).await;
        let error = answer.unwrap_err();
        assert_eq!(error.kind, expected);
        assert!(!error.is_permission());
        assert_eq!(
            (error.what.as_str(), server.requests().len(), clock.paused()),
            ("GET /a", 1, Duration::ZERO)
        );
    }
}

#[tokio::test]
async fn a_missing_permission_is_named_and_no_failure() {
    let refused = respond(403, r#"{"message": "Resource not accessible by integration"}"#);
    let (answer, ..) =
        asked(vec![with(refused, "x-accepted-github-permissions", "issues=write; pull_requests=write")])
            .await;
    let error = answer.unwrap_err();
    let text = "GitHub: GET /a: the token may not do this (403); it needs the permission \
                `issues=write; pull_requests=write`: Resource not accessible by integration";
    assert_eq!(error.to_string(), text);
    assert!(!crate::Trouble::from(error).counts());
    // Other requests in the window are left: this is no rate limit.
    let refused = with(respond(403, "{}"), "x-ratelimit-remaining", "4999");
    let (answer, clock, _) = asked(vec![with(refused, "x-ratelimit-reset", "1000000050")]).await;
    assert!(answer.unwrap_err().is_permission());
    assert_eq!(clock.paused(), Duration::ZERO);
}

#[tokio::test]
async fn rate_limits_are_kept_as_long_as_there_is_patience() {
    let primary = |status, reset: &str| {
        let answer = respond(status, r#"{"message": "API rate limit exceeded for installation ID 1."}"#);
        with(with(answer, "x-ratelimit-remaining", "0"), "x-ratelimit-reset", reset)
    };
    let secondary = |status| {
        respond(
            status,
            r#"{"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}"#,
        )
    };
    for (answer, rest) in [
        (with(secondary(403), "retry-after", "30"), 30),
        (with(secondary(429), "retry-after", "110"), 110),
        (secondary(403), 60),
        (secondary(429), 60),
        (respond(429, ""), 60),
        (primary(403, "1000000050"), 51),
        (primary(429, "999999999"), 1),
    ] {
        let (answer, clock, server) = asked(vec![answer, ok()]).await;
        answer.unwrap();
        let paused = clock.paused();
        let rest = Duration::from_secs(rest);
        assert!(paused > rest && paused <= rest + Duration::from_secs(1), "{paused:?} for {rest:?}");
        assert_eq!(server.requests().len(), 2);
    }
    for answer in [
        primary(403, "1000003600"),
        primary(403, "18446744073709551615"),
        with(secondary(403), "retry-after", "121"),
    ] {
        let (answer, clock, server) = asked(vec![answer, ok()]).await;
        assert!(matches!(answer.unwrap_err().kind, ForgeErrorKind::Throttled { .. }));
        assert_eq!((server.requests().len(), clock.paused()), (1, Duration::ZERO));
    }
}

#[tokio::test]
async fn what_passes_is_asked_again_and_what_was_perhaps_done_is_not_done_twice() {
    let (answer, _, server) = asked(vec![respond(502, ""), respond(503, ""), ok()]).await;
    answer.unwrap();
    assert_eq!(server.requests().len(), 3);

    // A server that takes requests and says nothing, and one that hangs up.
    for hangs_up in [false, true] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                if hangs_up {
                    let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut [0; 4096]).await;
                } else {
                    open.push(socket);
                }
            }
        });
        let (world, _) = impatient(&[("GITHUB_API_URL", &api), ("GITHUB_TOKEN", TOKEN)]);
        let forge = Forge::github(&world).unwrap();
        let error = forge.send(Method::POST, &["a"], Some(&json!({}))).await.unwrap_err();
        assert!(matches!(error.kind, ForgeErrorKind::Unreachable { tries: 1, .. }), "{error}");
        assert_eq!(count.swap(0, Ordering::Relaxed), 1);
        let error = forge.get::<Value>(&["a"], &[]).await.unwrap_err();
        assert!(matches!(error.kind, ForgeErrorKind::Unreachable { tries, .. } if tries > 1), "{error}");
    }
}

#[tokio::test]
async fn pages_are_read_to_a_bound_and_only_from_the_same_server() {
    let other = Server::start(|_| respond(200, "[1]")).await;
    let endless = Server::start(|got| {
        let host = got.headers["host"].to_str().unwrap();
        with(respond(200, "[1]"), "link", &format!("<http://{host}/a?page=2>; rel=\"next\""))
    })
    .await;
    let listing = client(&endless.url).0.list::<u32>(&["a"], &[("state", "all")], None).await.unwrap();
    assert_eq!((listing.items.len(), listing.cut), (MOST_PAGES, true));
    assert_eq!(endless.requests()[0].path, "/a?state=all&per_page=100");

    let away = format!("<{}/a>; rel=\"next\"", other.url);
    let server = Server::start(move |_| with(respond(200, r#"{"items": [1, 2]}"#), "link", &away)).await;
    let listing = client(&server.url).0.list::<u32>(&["a"], &[], Some("items")).await.unwrap();
    assert_eq!((listing.items, listing.cut), (vec![1, 2], false));
    assert_eq!(other.requests().len(), 0);

    let server = Server::start(|_| respond(200, r#"{"message": "not a list"}"#)).await;
    let error = client(&server.url).0.list::<u32>(&["a"], &[], None).await.map(|_| ()).unwrap_err();
    assert!(matches!(error.kind, ForgeErrorKind::Unexpected { .. }));
}

#[tokio::test]
async fn a_renamed_repository_is_followed_and_the_token_goes_nowhere_else() {
    let other = Server::start(|_| ok()).await;
    for (status, to, method, fine) in [
        (301, "/repositories/1".to_owned(), Method::GET, true),
        (307, "/repositories/1".to_owned(), Method::POST, true),
        (301, "/repositories/1".to_owned(), Method::POST, false),
        (307, other.url.clone(), Method::GET, false),
    ] {
        let server = Server::scripted(vec![with(respond(status, ""), "location", &to), ok()]).await;
        let (forge, _) = client(&server.url);
        let sent = forge.send(method.clone(), &["a"], Some(&json!({"b": 1}))).await;
        assert_eq!(sent.is_ok(), fine, "{status} {to} {method}");
        if fine {
            let second = server.requests().remove(1);
            assert_eq!((second.method.as_str(), second.json()), (method.as_str(), json!({"b": 1})));
        }
    }
    let circle = Server::start(|_| with(respond(301, ""), "location", "/a")).await;
    client(&circle.url).0.get::<Value>(&["a"], &[]).await.unwrap_err();
    assert_eq!(circle.requests().len(), 3);
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn where_the_api_is_and_as_whom_is_checked_without_showing_it() {
    let client = |variables: &[(&str, &str)]| Forge::github(&world(variables, leads_to(&[])).0);
    let error = client(&[]).unwrap_err();
    assert_eq!(error.to_string(), "GitHub: `GITHUB_TOKEN`: the variable is not set");
    for api in
        ["http://api.example.org", "https://me:secret@example.org", "secret", "https://example.org/?secret"]
    {
        let error = client(&[("GITHUB_TOKEN", "t"), ("GITHUB_API_URL", api)]).unwrap_err();
        assert!(matches!(error.kind, ForgeErrorKind::Invalid { .. }), "{api}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let error = client(&[("GITHUB_TOKEN", "secret\nline")]).unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
    let forge =
        client(&[("GITHUB_TOKEN", "t"), ("GITHUB_API_URL", "https://ghe.example.org/api/v3/")]).unwrap();
    assert_eq!(
        forge.url(&["repos", "o", "a/../b"], &[]).as_str(),
        "https://ghe.example.org/api/v3/repos/o/a%2F..%2Fb"
    );
}
