//! Over HTTP: revisions, refusals, faults of the server, and what is found in the repository.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flaky_exec::checkout::{CheckoutErrorKind, CheckoutNote, HttpsToken, LfsFiles};

use crate::support::{CHILD, Client, HttpServer, Origin, again, git, id, run};

/// Repositories that give single commits away, and not.
const OPEN: &[(&str, &str)] = &[("uploadpack.allowReachableSHA1InWant", "true")];

#[test]
fn the_wanted_revision_is_checked_out_with_no_more_history_than_needed() {
    let origin = Origin::new();
    let (open, closed) = (origin.history("open", OPEN), origin.history("closed", &[]));
    let server = HttpServer::start(&origin);
    let (c10, c100, c90, c5, side) = (
        id(&open, "v1"),
        id(&open, "main"),
        id(&open, "main~10"),
        id(&open, "main~95"),
        id(&open, "feature"),
    );
    let pull = id(&open, "refs/pull/7/head");
    // What other hosts call it, and what a host hides from everybody.
    let merge = id(&open, "main~20");
    git(&open, &["update-ref", "refs/merge-requests/3/head", &merge]);
    git(&open, &["update-ref", "refs/hidden/1/head", &merge]);
    git(&open, &["config", "uploadpack.hideRefs", "refs/hidden"]);
    // server and repository, reference, commit, expected commit, content, depth
    type Case<'c> = (&'c str, Option<&'c str>, Option<&'c str>, &'c str, &'c str, usize);
    let cases: &[Case<'_>] = &[
        ("plain/open.git", None, None, &c100, "100", 1),
        ("plain/open.git", Some("main"), None, &c100, "100", 1),
        ("plain/open.git", Some("feature"), None, &side, "feature", 1),
        ("plain/open.git", Some("refs/heads/feature"), None, &side, "feature", 1),
        ("plain/open.git", Some("v1"), None, &c10, "10", 1),
        ("plain/open.git", Some("both"), None, &id(&open, "refs/heads/both"), "20", 1),
        ("plain/open.git", Some("refs/tags/both"), None, &id(&open, "refs/tags/both"), "30", 1),
        ("plain/open.git", Some("refs/pull/7/head"), None, &pull, "pull", 1),
        ("plain/open.git", Some("pull/7/head"), None, &pull, "pull", 1),
        ("plain/open.git", Some("refs/merge-requests/3/head"), None, &merge, "80", 1),
        ("plain/open.git", Some("refs/pull/7/head"), Some(&pull), &pull, "pull", 1),
        ("plain/open.git", Some("refs/pull/7/head"), Some(&c100), &c100, "100", 63),
        // A commit alone.
        ("plain/open.git", None, Some(&c100), &c100, "100", 1),
        ("plain/open.git", None, Some(&c90), &c90, "90", 1),
        ("plain/closed.git", None, Some(&c90), &c90, "90", 90),
        ("plain/open.git", None, Some(&c90[..12]), &c90, "90", 90),
        ("plain/open.git", None, Some(&side[..12]), &side, "feature", 1),
        ("plain/open.git", None, Some(&pull), &pull, "pull", 1),
        // Both.
        ("plain/closed.git", Some("main"), Some(&c100), &c100, "100", 1),
        ("plain/closed.git", Some("main"), Some(&c90), &c90, "90", 54),
        ("plain/closed.git", Some("main"), Some(&c5), &c5, "5", 5),
        ("plain/closed.git", Some("v1"), Some(&c10[..7]), &c10, "10", 1),
        // A server that cannot be asked for less than all.
        ("no-shallow/closed.git", Some("main"), None, &c100, "100", 100),
    ];
    assert_eq!(id(&closed, "main"), c100);
    for (path, reference, commit, expected, n, depth) in cases {
        let mut client = Client::new(&server.url(path));
        client = if let Some(name) = reference { client.reference(name) } else { client };
        client = if let Some(id) = commit { client.commit(id) } else { client };
        let what = format!("{path} {reference:?} {commit:?}");
        let made = client.run().unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!((made.commit.as_str(), made.notes.len()), (*expected, 0), "{what}");
        assert_eq!(client.n(), *n, "{what}");
        assert_eq!(client.depth(), *depth, "{what}");
        assert_eq!(git(&client.tree(), &["status", "--porcelain"]), "", "{what}");
        assert_eq!(git(&client.tree(), &["branch", "--show-current"]), "", "{what}: detached");
    }
    let (kind, _) = Client::new(&server.url("plain/open.git")).reference("refs/hidden/1/head").fails();
    assert_eq!(kind, CheckoutErrorKind::RefNotFound("refs/hidden/1/head".into()));
}

#[test]
fn revisions_that_do_not_exist_are_named() {
    let origin = Origin::new();
    let open = origin.history("open", OPEN);
    origin.history("closed", &[]);
    git(origin.folder.path(), &["init", "-q", "--bare", "empty.git"]);
    let server = HttpServer::start(&origin);
    let (none, side, main) = ("f".repeat(40), id(&open, "feature"), id(&open, "main"));
    let not_on = |commit: &str, reference: &str| CheckoutErrorKind::Disagree {
        commit: commit.into(),
        reference: reference.into(),
    };
    let at = |repository: &str| Client::new(&server.url(&format!("plain/{repository}.git")));
    let cases = [
        (at("open").reference("nowhere"), CheckoutErrorKind::RefNotFound("nowhere".into())),
        (at("open").reference("refs/pull/8/head"), CheckoutErrorKind::RefNotFound("refs/pull/8/head".into())),
        (at("open").reference("refs/pull/7/head").commit(&side), not_on(&side, "refs/pull/7/head")),
        (at("open").commit(&none), CheckoutErrorKind::CommitNotFound(none.clone())),
        (at("closed").commit(&none), CheckoutErrorKind::CommitNotFound(none.clone())),
        (at("open").commit("fffffff"), CheckoutErrorKind::CommitNotFound("fffffff".into())),
        (at("open").reference("main").commit(&side), not_on(&side, "main")),
        (at("closed").reference("v1").commit(&main), not_on(&main, "v1")),
        (at("open").reference("main").commit(&none), not_on(&none, "main")),
        (at("open").reference("nowhere").commit(&main), CheckoutErrorKind::RefNotFound("nowhere".into())),
        (at("empty"), CheckoutErrorKind::Empty),
        (at("empty").reference("main"), CheckoutErrorKind::Empty),
        (at("empty").commit(&none), CheckoutErrorKind::Empty),
    ];
    for (client, expected) in cases {
        let (kind, error) = client.fails();
        assert_eq!(kind, expected);
        assert!(error.to_string().starts_with("Failed to clone repository: `http://127.0.0.1:"), "{error}");
    }
}

#[test]
fn servers_that_refuse_are_told_apart() {
    let origin = Origin::new();
    origin.history("it", &[]);
    let server = HttpServer::start(&origin);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = || CheckoutErrorKind::Auth { offered: vec![] };
    let cases = [
        (server.url("plain/other.git"), CheckoutErrorKind::NotFound),
        (server.url("status/404/it.git"), CheckoutErrorKind::NotFound),
        (server.url("status/403/it.git"), nobody()),
        (server.url("private/it.git"), nobody()),
        (
            server.url("status/500/it.git"),
            CheckoutErrorKind::Unreachable("unexpected http status code: 500".into()),
        ),
    ];
    for (url, expected) in cases {
        let (kind, error) = Client::new(&url).fails();
        assert_eq!(kind, expected, "{url}");
        assert!(error.hint().is_some(), "{url}");
    }
    let (kind, _) = Client::new(&format!("http://127.0.0.1:{closed}/it.git")).fails();
    assert!(matches!(&kind, CheckoutErrorKind::Unreachable(why) if why.contains("refused")), "{kind:?}");
}

#[test]
fn a_token_opens_a_private_repository_and_stays_out_of_it() {
    let origin = Origin::new();
    origin.history("it", &[]);
    let server = HttpServer::start(&origin);
    let client =
        Client::new(&server.url("private/it.git")).settings(|s| s.token = HttpsToken::new("letmein"));
    client.run().unwrap();
    assert_eq!(client.n(), "100");
    let config = std::fs::read_to_string(client.tree().join(".git/config")).unwrap();
    assert!(config.contains(&server.url("private/it.git")), "{config}");
    assert!(!config.contains("letmein"), "{config}");

    let wrong = Client::new(&server.url("private/it.git")).settings(|s| s.token = HttpsToken::new("wr0ng"));
    let (kind, error) = wrong.fails();
    assert_eq!(kind, CheckoutErrorKind::Auth { offered: vec!["an access token".into()] });
    assert!(!format!("{error} {error:?} {:?}", wrong.request).contains("wr0ng"));
}

#[test]
fn a_token_is_not_handed_to_a_server_that_it_was_redirected_to() {
    for kind in ["redirect", "private-redirect"] {
        let origin = Origin::new();
        origin.history("it", &[]);
        let named = HttpServer::start(&origin);
        let other = HttpServer::with(&origin, "http", "other", &[]);
        let url = named.url(&format!("{kind}/{}/it.git", other.port()));
        let (error, _) = Client::new(&url).settings(|s| s.token = HttpsToken::new("letmein")).fails();
        let offered = if kind == "redirect" { vec![] } else { vec!["an access token".to_owned()] };
        assert_eq!(error, CheckoutErrorKind::Auth { offered }, "{kind}");
        let seen = other.requests();
        assert!(seen.contains("/private/it.git"), "the redirect was followed: {seen}");
        assert!(seen.lines().all(|line| line.ends_with(" -")), "{kind}: {seen}");
    }
}

#[test]
fn the_users_own_rewriting_of_addresses_is_followed() {
    const ADDRESS: &str = "https://git.example/it.git";
    if let Ok(expected) = std::env::var(CHILD) {
        let client = Client::new(ADDRESS).settings(|s| s.token = HttpsToken::new("for-git.example"));
        if expected.is_empty() {
            client.run().unwrap();
            let config = std::fs::read_to_string(client.tree().join(".git/config")).unwrap();
            assert!(config.contains(ADDRESS) && !config.contains("letmein"), "{config}");
        } else {
            let (_, error) = client.fails();
            assert!(error.to_string().contains(&expected), "{error}");
        }
        return;
    }
    let origin = Origin::new();
    origin.history("it", &[]);
    let server = HttpServer::start(&origin);
    let with_password = server.url("private/").replace("http://", "http://x-access-token:letmein@");
    let cases = [
        (server.url("plain/"), ""),
        (with_password, ""),
        (server.url("private/"), "access denied; offered: nothing"),
        (format!("{}/", origin.folder.path().display()), "`file://` is not fetched"),
        ("ext::sh -c ".to_owned(), "transports that start a program"),
    ];
    for (base, expected) in cases {
        let text = format!("[url \"{base}\"]\n\tinsteadOf = https://git.example/\n");
        std::fs::write(origin.folder.path().join(".gitconfig"), text).unwrap();
        let home = [("HOME", origin.folder.path().as_os_str())];
        again("http::the_users_own_rewriting_of_addresses_is_followed", expected, &home);
    }
    assert!(!server.requests().contains(&base64_of("x-access-token:for-git.example")));
}

fn base64_of(text: &str) -> String {
    run("base64", &["-w0"], std::path::Path::new("/"), text)
}

#[test]
fn a_silent_server_ends_with_the_time_limit() {
    let origin = Origin::new();
    let server = HttpServer::start(&origin);
    let limit = Duration::from_secs(1);
    let started = Instant::now();
    let (kind, error) = Client::new(&server.url("silent/it.git")).settings(|s| s.timeout = limit).fails();
    assert_eq!(kind, CheckoutErrorKind::TimedOut(limit));
    assert!(error.to_string().starts_with("Repository clone timed out after 1 second: "), "{error}");
    assert!(started.elapsed() < limit + Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn a_fetch_is_cancelled_in_the_middle() {
    let origin = Origin::new();
    origin.history("it", &[]);
    let server = HttpServer::start(&origin);
    let client = Client::new(&server.url("slow/it.git"));
    let cancel = Arc::<AtomicBool>::default();
    let error = std::thread::scope(|scope| {
        let fetching = scope.spawn(|| client.run_until(&cancel));
        // In the middle: the pack was asked for.
        while !server.requests().contains("POST") {
            assert!(!fetching.is_finished(), "it ended before the pack was asked for");
            std::thread::yield_now();
        }
        cancel.store(true, Ordering::SeqCst);
        let asked = Instant::now();
        let error = fetching.join().unwrap().unwrap_err();
        assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
        error
    });
    assert!(error.is_cancelled(), "{error}");
    assert!(!client.tree().join("n").exists());
}

#[test]
fn a_checkout_that_was_cancelled_before_makes_no_request() {
    let origin = Origin::new();
    let server = HttpServer::start(&origin);
    let cancel = Arc::new(AtomicBool::new(true));
    let error = Client::new(&server.url("silent/it.git")).run_until(&cancel).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
}

#[test]
fn pointers_of_git_lfs_are_named_and_look_alikes_are_not() {
    const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let origin = Origin::new();
    let files: Vec<(&str, String, &str)> = (0..7)
        .map(|i| ("100644", format!("data/{i}.bin"), POINTER))
        .chain([
            ("100644", ".gitattributes".to_owned(), "*.bin filter=lfs diff=lfs merge=lfs -text\n"),
            ("100644", "sample.txt".to_owned(), POINTER),
            ("100644", "real.bin".to_owned(), "not a pointer\n"),
        ])
        .collect();
    let files: Vec<_> = files.iter().map(|(mode, path, content)| (*mode, path.as_str(), *content)).collect();
    origin.files("pointers", &files);
    origin.files(
        "samples",
        &[("100644", "sample.txt", POINTER), ("120000", "link", "/etc/passwd"), ("100755", "run", "x\n")],
    );
    let server = HttpServer::start(&origin);

    let url = server.url("plain/pointers.git");
    let paths = ["data/0.bin", "data/1.bin", "data/2.bin", "data/3.bin", "data/4.bin", "…"]
        .map(String::from)
        .to_vec();
    let made = Client::new(&url).run().unwrap();
    assert_eq!(made.notes, [CheckoutNote::LfsPointers { count: 7, paths: paths.clone() }]);
    assert!(
        made.notes[0].to_string().starts_with("7 files are in Git LFS and only point"),
        "{}",
        made.notes[0]
    );
    let (kind, error) = Client::new(&url).settings(|s| s.lfs = LfsFiles::Refuse).fails();
    assert_eq!(kind, CheckoutErrorKind::Lfs { count: 7, paths });
    assert!(error.to_string().contains("7 files are in Git LFS"), "{error}");

    let client = Client::new(&server.url("plain/samples.git"));
    assert_eq!(client.run().unwrap().notes, []);
    assert_eq!(std::fs::read_link(client.tree().join("link")).unwrap().to_str(), Some("/etc/passwd"));
}

#[test]
fn a_tree_that_writes_into_the_repository_itself_is_refused() {
    let origin = Origin::new();
    let bare = origin.files("it", &[("100644", "n", "1")]);
    // git's own commands refuse such names; a hostile server sends what it likes.
    let blob = id_of(&bare, "#!/bin/sh\n");
    let inner = run("git", &["mktree"], &bare, &format!("100755 blob {blob}\tconfig\n"));
    let tree = run("git", &["mktree"], &bare, &format!("040000 tree {inner}\t.git\n"));
    let commit =
        git(&bare, &["-c", "user.name=t", "-c", "user.email=t@example.org", "commit-tree", "-m", "x", &tree]);
    git(&bare, &["update-ref", "refs/heads/main", &commit]);
    let server = HttpServer::start(&origin);
    let client = Client::new(&server.url("plain/it.git"));
    let (kind, _) = client.fails();
    assert!(matches!(kind, CheckoutErrorKind::Io { .. }), "{kind:?}");
    let config = std::fs::read_to_string(client.tree().join(".git/config")).unwrap();
    assert!(!config.contains("#!/bin/sh"), "{config}");
}

fn id_of(repository: &std::path::Path, content: &str) -> String {
    run("git", &["hash-object", "-w", "--stdin"], repository, content)
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let origin = Origin::new();
    let server = HttpServer::start(&origin);
    let client = Client::new(&server.url("plain/it.git"));
    std::fs::create_dir(client.tree()).unwrap();
    std::fs::write(client.tree().join("mine"), "x").unwrap();
    let (kind, _) = client.fails();
    assert!(matches!(&kind, CheckoutErrorKind::Io { why, .. } if why.contains("not empty")), "{kind:?}");
    assert_eq!(std::fs::read_dir(client.tree()).unwrap().count(), 1);
}

#[test]
fn certificates_are_checked_against_the_authorities_of_the_machine() {
    if let Ok(url) = std::env::var(CHILD) {
        let client = Client::new(&url);
        client.run().unwrap();
        return assert_eq!(client.n(), "100");
    }
    let origin = Origin::new();
    origin.history("it", &[]);
    let at = |name: &str| origin.folder.path().join(name);
    let (certificate, key) = (at("cert.pem"), at("key.pem"));
    run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-days",
            "2",
        ],
        origin.folder.path(),
        "",
    );
    let server = HttpServer::with(&origin, "https", "requests", &[&certificate, &key]);
    let url = server.url("plain/it.git");
    let (kind, error) = Client::new(&url).fails();
    assert!(matches!(kind, CheckoutErrorKind::Certificate(_)), "{kind:?}");
    assert!(error.hint().unwrap().contains("SSL_CERT_FILE"));
    let test = "http::certificates_are_checked_against_the_authorities_of_the_machine";
    again(
        test,
        &url,
        &[("SSL_CERT_FILE", certificate.as_os_str()), ("SSL_CERT_DIR", OsStr::new("/nonexistent"))],
    );
}
