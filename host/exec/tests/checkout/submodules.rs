//! Submodules: what is fetched, from whom, with which credentials, and what is not.

use std::path::Path;

use flaky_exec::checkout::{CheckoutErrorKind, CheckoutNote, HttpsToken, SshKey, Submodules};

use crate::support::{Client, HttpServer, Origin, SshServer, git, id};

/// A repository whose `.gitmodules` and entries are these: path, address, commit.
fn with_submodules(origin: &Origin, name: &str, submodules: &[(&str, &str, &str)]) {
    let modules: String = submodules
        .iter()
        .map(|(path, url, _)| format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n"))
        .collect();
    let files: Vec<_> = submodules.iter().map(|(path, _, commit)| ("160000", *path, *commit)).collect();
    origin.files(
        name,
        &[&[("100644", ".gitmodules", modules.as_str()), ("100644", "n", "1")], &files[..]].concat(),
    );
}

fn read(client: &Client, path: &str) -> String {
    std::fs::read_to_string(client.tree().join(path)).unwrap()
}

/// Every configuration file of git below the tree.
fn configurations(folder: &Path) -> String {
    let found = std::process::Command::new("find")
        .arg(folder)
        .args(["-path", "*/.git/*", "-type", "f", "-size", "-100k", "-exec", "cat", "{}", "+"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&found.stdout).into_owned()
}

#[test]
fn submodules_are_fetched_at_their_commits_and_those_in_them_too() {
    let origin = Origin::new();
    let lib = origin.history("lib", &[]);
    let (old, tip) = (id(&lib, "main~90"), id(&lib, "main"));
    let server = HttpServer::start(&origin);
    with_submodules(&origin, "middle", &[("deep/er", "../lib.git", &old)]);
    let middle = id(&origin.folder.path().join("middle.git"), "main");
    with_submodules(
        &origin,
        "it",
        &[("a", "../middle.git", &middle), ("b/c", &server.url("private/lib.git"), &tip)],
    );
    let client =
        Client::new(&server.url("private/it.git")).settings(|s| s.token = HttpsToken::new("letmein"));
    let made = client.run().unwrap();
    assert_eq!(made.notes, []);
    assert_eq!(
        (read(&client, "n"), read(&client, "a/deep/er/n"), read(&client, "b/c/n")),
        ("1".into(), "10".into(), "100".into())
    );
    assert_eq!(git(&client.tree(), &["status", "--porcelain"]), "");
    assert_eq!(git(&client.tree().join("a/deep/er"), &["rev-parse", "HEAD"]), old);
    // The tip needs one commit; one that nothing names needs all, where the server gives no single commits.
    assert_eq!(git(&client.tree().join("b/c"), &["rev-list", "--count", "HEAD"]), "1");
    let written = configurations(&client.tree());
    assert!(written.contains("[remote \"origin\"]") && !written.contains("letmein"), "{written}");
    assert!(!written.contains("helper"), "{written}");

    let left = Client::new(&server.url("plain/it.git")).settings(|s| s.submodules = Submodules::Leave);
    let notes = left.run().unwrap().notes;
    assert_eq!(
        notes,
        [CheckoutNote::SubmodulesNotFetched { count: 2, paths: vec!["a".into(), "b/c".into()] }]
    );
    assert_eq!(notes[0].to_string(), "2 submodules were not fetched and are empty: a, b/c");
    assert_eq!(std::fs::read_dir(left.tree().join("b/c")).unwrap().count(), 0);
}

#[test]
fn what_git_does_not_fetch_either_is_left_empty_and_named() {
    let origin = Origin::new();
    let lib = origin.history("lib", &[]);
    let tip = id(&lib, "main");
    let never = origin.folder.path().join("never");
    let program = format!("ext::sh -c touch% {}", never.display());
    let local = format!("file://{}", lib.display());
    with_submodules(
        &origin,
        "it",
        &[
            ("program", &program, &tip),
            ("local", &local, &tip),
            ("path", lib.to_str().unwrap(), &tip),
            ("option", "-u./payload", &tip),
            ("above", "../../../lib.git", &tip),
            ("-dash", "../lib.git", &tip),
            ("good", "../lib.git", &tip),
        ],
    );
    let server = HttpServer::start(&origin);
    let client = Client::new(&server.url("plain/it.git"));
    let notes = client.run().unwrap().notes;
    let [CheckoutNote::SubmodulesNotFetched { count: 6, paths }] = &notes[..] else { panic!("{notes:?}") };
    let expected = [
        "-dash (its path starts with a dash, like an option)",
        "above (it leads above the server)",
        "local (`file://` is not fetched)",
        "option (it starts with a dash, like an option)",
        "path (`file://` is not fetched)",
        "…",
    ];
    assert_eq!(paths, &expected);
    assert!(!never.exists());
    assert_eq!(read(&client, "good/n"), "100");
    for path in ["program", "local", "path", "option", "above", "-dash"] {
        assert_eq!(std::fs::read_dir(client.tree().join(path)).unwrap().count(), 0, "{path}");
    }

    // A link in place of the file, which libgit2 does not even write.
    origin.files("link", &[("120000", ".gitmodules", "/etc/passwd"), ("160000", "lib", &tip)]);
    let (kind, _) = Client::new(&server.url("plain/link.git")).fails();
    assert!(matches!(&kind, CheckoutErrorKind::Io { why, .. } if why.contains(".gitmodules")), "{kind:?}");

    // An entry that the file does not have, or asks to leave alone.
    origin.files("none", &[("160000", "lib", &tip)]);
    let skipped = "[submodule \"lib\"]\n\tpath = lib\n\turl = ../lib.git\n\tupdate = none\n";
    origin.files("skipped", &[("100644", ".gitmodules", skipped), ("160000", "lib", &tip)]);
    for (name, why) in [("none", "does not know it"), ("skipped", "says so")] {
        let notes = Client::new(&server.url(&format!("plain/{name}.git"))).run().unwrap().notes;
        assert!(notes[0].to_string().contains(why), "{name}: {notes:?}");
    }
}

#[test]
fn a_submodule_that_cannot_be_fetched_is_an_error_that_names_it() {
    let origin = Origin::new();
    let lib = origin.history("lib", &[]);
    let tip = id(&lib, "main");
    let server = HttpServer::start(&origin);
    with_submodules(&origin, "middle", &[("secret", &server.url("private/lib.git"), &tip)]);
    let middle = id(&origin.folder.path().join("middle.git"), "main");
    with_submodules(&origin, "nested", &[("vendor/middle", "../middle.git", &middle)]);
    with_submodules(&origin, "gone", &[("lib", "../lib.git", &"f".repeat(40))]);
    with_submodules(&origin, "elsewhere", &[("lib", "ssh://git@127.0.0.9:2222/lib.git", &tip)]);
    let nobody = || Box::new(CheckoutErrorKind::Auth { offered: vec![] });
    let cases = [
        (
            "nested",
            CheckoutErrorKind::Submodule {
                path: "vendor/middle/secret".into(),
                url: server.url("private/lib.git"),
                why: nobody(),
            },
            "must open the submodule too",
        ),
        (
            "gone",
            CheckoutErrorKind::Submodule {
                path: "lib".into(),
                url: server.url("plain/lib.git"),
                why: Box::new(CheckoutErrorKind::CommitNotFound("f".repeat(40))),
            },
            "",
        ),
        (
            "elsewhere",
            CheckoutErrorKind::SubmoduleRefused {
                path: "lib".into(),
                why: "over SSH only the server of the repository itself is asked".into(),
            },
            "give the folder",
        ),
    ];
    for (name, expected, hint) in cases {
        let (kind, error) = Client::new(&server.url(&format!("plain/{name}.git"))).fails();
        assert_eq!(kind, expected, "{name}");
        assert!(error.to_string().contains("the submodule `"), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{name}");
    }
}

#[test]
fn a_token_is_not_shown_to_the_server_of_a_submodule() {
    let origin = Origin::new();
    let lib = origin.history("lib", &[]);
    let named = HttpServer::start(&origin);
    let other = HttpServer::with(&origin, "http", "other", &[]);
    // Over plain http even this machine is asked only where it was named; so the other server is one that is redirected to.
    let redirected = named.url(&format!("redirect/{}/lib.git", other.port()));
    with_submodules(&origin, "it", &[("lib", &redirected, &id(&lib, "main"))]);
    with_submodules(&origin, "direct", &[("lib", &other.url("plain/lib.git"), &id(&lib, "main"))]);
    let fails = |name: &str| {
        Client::new(&named.url(&format!("private/{name}.git")))
            .settings(|s| s.token = HttpsToken::new("letmein"))
            .fails()
            .0
    };
    assert!(matches!(fails("it"), CheckoutErrorKind::Submodule { .. }));
    let seen = other.requests();
    assert!(seen.contains("/private/lib.git") && seen.lines().all(|line| line.ends_with(" -")), "{seen}");
    assert!(matches!(
        fails("direct"),
        CheckoutErrorKind::Submodule { .. } | CheckoutErrorKind::SubmoduleRefused { .. }
    ));
    assert_eq!(other.requests(), seen, "an address of this machine that nobody named was asked");
}

#[test]
fn submodules_without_end_are_refused_before_they_are_fetched() {
    let origin = Origin::new();
    let lib = origin.history("lib", &[]);
    let tip = id(&lib, "main");
    let paths: Vec<String> = (0..101).map(|i| format!("lib{i:03}")).collect();
    let many: Vec<_> = paths.iter().map(|path| (path.as_str(), "../lib.git", tip.as_str())).collect();
    with_submodules(&origin, "many", &many);
    let mut inner = tip.clone();
    for depth in 0..10 {
        let url = if depth == 0 { "../lib.git".to_owned() } else { format!("../deep{}.git", depth - 1) };
        with_submodules(&origin, &format!("deep{depth}"), &[("d", &url, &inner)]);
        inner = id(&origin.folder.path().join(format!("deep{depth}.git")), "main");
    }
    let server = HttpServer::start(&origin);
    // `deep7` has submodules within each other eight deep.
    let client = Client::new(&server.url("plain/deep7.git"));
    client.run().unwrap();
    assert_eq!(read(&client, "d/d/d/d/d/d/d/d/n"), "100");
    let cases = [
        ("many", "lib000", "more than 100 submodules"),
        ("deep8", "d/d/d/d/d/d/d/d/d", "more than 8 submodules deep"),
    ];
    for (name, at, says) in cases {
        let (kind, _) = Client::new(&server.url(&format!("plain/{name}.git"))).fails();
        let CheckoutErrorKind::SubmoduleRefused { path, why } = &kind else { panic!("{name}: {kind:?}") };
        assert_eq!(path, at);
        assert!(why.contains(says), "{why}");
    }
    assert!(!server.requests().lines().any(|line| line.contains("many") && line.contains("lib.git")));
}

#[test]
fn a_key_opens_submodules_on_the_same_server() {
    let origin = Origin::new();
    let lib = origin.history("lib", &[]);
    let server = SshServer::start("ed25519");
    server.known(&format!("[127.0.0.1]:{} {}\n", server.port, server.host_key()));
    with_submodules(&origin, "it", &[("a", "../lib.git", &id(&lib, "main"))]);
    let key = std::fs::read_to_string(server.home().join(".ssh/id_ed25519")).unwrap();
    std::fs::remove_file(server.home().join(".ssh/id_ed25519")).unwrap();
    let client = Client::new(&server.url(&origin.folder.path().join("it.git"))).settings(|s| {
        s.home = Some(server.home());
        s.ssh_key = Some(SshKey::new(&key).unwrap());
    });
    assert_eq!(client.run().unwrap().notes, []);
    assert_eq!(read(&client, "a/n"), "100");
}
