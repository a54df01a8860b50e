//! The page over HTTP: who is let in, what is answered, and how.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what they cannot have ends the test")]

mod story;

use std::net::SocketAddr;

use flaky_dashboard::{Guard, Mode, ServeError, Server, Token};
use story::{planted, unit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A server that ends with the test.
struct Served {
    address: SocketAddr,
    url: String,
    _folder: tempfile::TempDir,
    _stop: oneshot::Sender<()>,
}

async fn serve(guard: Guard) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let history = story::open(folder.path()).await;
    story::add(&history, "run-1", 0, unit(), "main", &[planted("a", 1), planted("b", 0)]).await;
    let documents = story::documents(folder.path(), Mode::Live).await;
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), documents, guard).await.unwrap();
    let (address, url) = (server.address(), server.url());
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(server.run(async move {
        let _ = stopped.await;
    }));
    Served { address, url, _folder: folder, _stop: stop }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let wanted = format!("{name}: ");
        self.head.lines().find_map(|line| {
            let start = line.get(..wanted.len())?;
            start.eq_ignore_ascii_case(&wanted).then(|| &line[wanted.len()..])
        })
    }
}

/// One request as it stands, over a connection of its own.
async fn raw(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.into(), body: body.into() }
}

async fn ask(served: &Served, method: &str, path: &str, headers: &[&str]) -> Answer {
    let host = format!("Host: {}", served.address);
    let given = headers.iter().any(|header| header.to_ascii_lowercase().starts_with("host:"));
    let mut lines = vec![format!("{method} {path} HTTP/1.1"), "Connection: close".into()];
    lines.extend((!given).then_some(host));
    lines.extend(headers.iter().map(|&header| header.to_owned()));
    raw(served.address, &format!("{}\r\n\r\n", lines.join("\r\n"))).await
}

#[tokio::test]
async fn the_page_its_files_and_its_documents_are_answered() {
    let served = serve(Guard::this_machine()).await;
    assert_eq!(served.url, format!("http://{}/", served.address));
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/?from=somewhere", "text/html; charset=utf-8"),
        ("/assets/style.css", "text/css; charset=utf-8"),
        ("/assets/main.js", "text/javascript; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
        ("/data/version.json", "application/json"),
        ("/data/index.json", "application/json"),
        ("/data/run/run-1.json", "application/json"),
    ] {
        let answer = ask(&served, "GET", path, &[]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        assert!(!answer.body.is_empty(), "{path}");
        let head = ask(&served, "HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-length"), answer.header("content-length"), "{path}");
    }
}

#[tokio::test]
async fn every_answer_forbids_whatever_the_page_does_not_need() {
    let served = serve(Guard::this_machine()).await;
    for (method, path, headers) in [
        ("GET", "/", &[][..]),
        ("GET", "/data/index.json", &[]),
        ("GET", "/nothing", &[]),
        ("POST", "/", &[]),
        ("GET", "/", &["Host: evil.example"]),
    ] {
        let answer = ask(&served, method, path, headers).await;
        let policy = answer.header("content-security-policy").unwrap();
        for part in
            ["default-src 'none'", "script-src 'self';", "connect-src 'self'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{method} {path}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), None, "{method} {path}");
    }
}

#[tokio::test]
async fn nothing_but_looking_is_allowed() {
    let served = serve(Guard::this_machine()).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "X"] {
        let answer = ask(&served, method, "/data/index.json", &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_page() {
    let served = serve(Guard::this_machine()).await;
    for path in [
        "/../Cargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../src/lib.rs",
        "/assets/%2e%2e/index.html",
        "/assets/",
        "/assets",
        "//etc/passwd",
        "/data/../../../history.sqlite",
        "/data/run/..%2f..%2fhistory.sqlite.json",
        "/data/run/none.json",
        "/data/%00.json",
        "/data/index.json/",
        "/data/index.json%00",
        "/history.sqlite",
        "/.flaky-dashboard",
    ] {
        let answer = ask(&served, "GET", path, &[]).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_name_that_somebody_else_may_own_is_refused() {
    let served = serve(Guard::this_machine().known_as(["box.local".to_owned()])).await;
    for (host, expected) in [
        ("localhost", 200),
        ("localhost:1", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("box.local", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("192.168.0.1", 421),
        ("", 421),
    ] {
        let answer = ask(&served, "GET", "/data/index.json", &[&format!("Host: {host}")]).await;
        assert_eq!(answer.status, expected, "{host}");
        assert_eq!(answer.body.contains("data_version"), expected == 200, "{host}");
    }
    let two = ask(&served, "GET", "/", &["Host: localhost", "Host: evil.example"]).await;
    assert_eq!(two.status, 421);
    let none = raw(served.address, "GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(none.status, 421);
}

#[tokio::test]
async fn where_a_token_is_needed_nothing_is_answered_without() {
    let token = Token::generate().unwrap();
    let served = serve(Guard::with_token(token.clone())).await;
    assert_eq!(served.url, format!("http://{}/?token={}", served.address, token.as_str()));
    for path in
        ["/", "/assets/main.js", "/data/version.json", "/data/index.json", "/nothing", "/?token=wrong"]
    {
        let answer = ask(&served, "GET", path, &[]).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (401, None), "{path}");
        assert!(!answer.head.contains(token.as_str()) && !answer.body.contains(token.as_str()), "{path}");
    }
    let let_in = ask(&served, "GET", &format!("/?token={}", token.as_str()), &[]).await;
    let cookie = let_in.header("set-cookie").unwrap();
    assert_eq!(let_in.status, 200);
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let kept = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let answer = ask(&served, "GET", "/data/index.json", &[&kept]).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (200, None));
    let rebound = ask(&served, "GET", "/data/index.json", &[&kept, "Host: evil.example"]).await;
    assert_eq!(rebound.status, 421);
}

#[tokio::test]
async fn an_address_of_the_network_needs_a_token_and_a_taken_one_is_said_to_be_taken() {
    let folder = tempfile::tempdir().unwrap();
    drop(story::open(folder.path()).await);
    let open = "0.0.0.0:0".parse().unwrap();
    let documents = story::documents(folder.path(), Mode::Live).await;
    let refused = Server::bind(open, documents, Guard::this_machine()).await.unwrap_err();
    assert!(matches!(refused, ServeError::Open(_)), "{refused}");
    let served = serve(Guard::this_machine()).await;
    let documents = story::documents(folder.path(), Mode::Live).await;
    let taken = Server::bind(served.address, documents, Guard::this_machine()).await.unwrap_err();
    assert!(matches!(taken, ServeError::Listen { .. }), "{taken}");
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    drop(story::open(folder.path()).await);
    let documents = story::documents(folder.path(), Mode::Live).await;
    let server =
        Server::bind("127.0.0.1:0".parse().unwrap(), documents, Guard::this_machine()).await.unwrap();
    // A browser that keeps its connection does not keep the server.
    let _idle = TcpStream::connect(server.address()).await.unwrap();
    server.run(std::future::ready(())).await.unwrap();
}
