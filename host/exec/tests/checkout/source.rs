//! What users name as a repository.

use flaky_exec::checkout::{RepositorySource, SourceProblem};

use SourceProblem::{
    Blank, ControlCharacter, Credentials, Empty, File, GitProtocol, Helper, Host, LeadingDash, Neither, Path,
    PlainHttp, Port, Query, TooLong, UnknownScheme, User,
};

#[test]
fn addresses_are_understood_once() {
    // text, what it is shown as, host, port, user
    let cases = [
        ("https://github.com/a/b.git", "https://github.com/a/b.git", "github.com", 443, None),
        ("HTTPS://GitHub.com/a/B", "https://github.com/a/B", "github.com", 443, None),
        (
            "https://me@bitbucket.org/a/b.git",
            "https://bitbucket.org/a/b.git",
            "bitbucket.org",
            443,
            Some("me"),
        ),
        ("https://host:8443/a", "https://host:8443/a", "host", 8443, None),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443/a", "2001:db8::1", 8443, None),
        ("http://localhost:3000/a/../b", "http://localhost:3000/a/../b", "localhost", 3000, None),
        ("http://127.8.9.1/a", "http://127.8.9.1/a", "127.8.9.1", 80, None),
        ("http://[::1]/a", "http://[::1]/a", "::1", 80, None),
        ("ssh://git@host:2222/a/b.git", "ssh://git@host:2222/a/b.git", "host", 2222, Some("git")),
        ("ssh://host/~me/b.git", "ssh://host/~me/b.git", "host", 22, None),
        ("git@github.com:a/b.git", "git@github.com:a/b.git", "github.com", 22, Some("git")),
        ("host:b.git", "host:b.git", "host", 22, None),
        ("git@[::1]:a/b.git", "git@[::1]:a/b.git", "::1", 22, Some("git")),
    ];
    for (text, shown, host, port, user) in cases {
        let RepositorySource::Remote(url) = RepositorySource::parse(text).unwrap() else {
            panic!("{text} is local")
        };
        assert_eq!(
            (url.to_string().as_str(), url.host(), url.port(), url.user()),
            (shown, host, port, user),
            "{text}"
        );
        assert_eq!(format!("{url:?}"), format!("RepositoryUrl({shown})"));
    }
}

#[test]
fn a_folder_that_exists_is_local() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("host:path with blanks");
    std::fs::create_dir(&odd).unwrap();
    for path in [folder.path(), &odd, std::path::Path::new("."), std::path::Path::new("/")] {
        let text = path.to_str().unwrap();
        assert_eq!(
            RepositorySource::parse(text).unwrap(),
            RepositorySource::Local(path.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_fetched_is_refused_with_its_reason() {
    let long = format!("https://host/{}", "a".repeat(2_048));
    let token = format!("https://{}@host/a", "a1".repeat(20));
    let cases: Vec<(&str, SourceProblem, &str)> = vec![
        ("", Empty, "it is empty"),
        ("  ", Empty, "it is empty"),
        ("-oProxyCommand=touch x", LeadingDash, "starts with a dash"),
        ("--upload-pack=x", LeadingDash, "starts with a dash"),
        ("ext::sh -c touch% x", Helper, "start a program"),
        ("fd::17", Helper, "start a program"),
        ("ext://x/y", Helper, "start a program"),
        ("file:///etc", File, "`file://` is not fetched"),
        ("FILE:///etc", File, "`file://` is not fetched"),
        ("git://host/a", GitProtocol, "not authenticated"),
        ("http://host/a", PlainHttp, "this machine alone"),
        ("http://localhost.evil.example/a", PlainHttp, "this machine alone"),
        ("http://127.0.0.1.evil.example/a", PlainHttp, "this machine alone"),
        ("http://127.0.0.1@evil.example/a", PlainHttp, "this machine alone"),
        ("ftp://host/a", UnknownScheme("ftp".into()), "scheme `ftp`"),
        ("git+ssh://host/a", UnknownScheme("git+ssh".into()), "scheme `git+ssh`"),
        ("https://me:s3cret@host/a", Credentials, "credentials"),
        ("ssh://me:s3cret@host/a", Credentials, "credentials"),
        ("https://ghp_s3cret@github.com/a/b", Credentials, "credentials"),
        ("https://glpat-s3cret@gitlab.com/a/b", Credentials, "credentials"),
        (&token, Credentials, "credentials"),
        ("https://host/a?private_token=s3cret", Query, "neither query"),
        ("https://host/a#x", Query, "neither query"),
        ("https://@host/a", User, "user name"),
        ("ssh://-oProxyCommand=x@host/a", User, "user name"),
        ("ssh://-oProxyCommand=x/a", Host, "host"),
        ("-oProxyCommand=x:a", LeadingDash, "starts with a dash"),
        ("git@-oProxyCommand=x:a", Host, "host"),
        ("https:///a", Host, "host"),
        ("https://ho$t/a", Host, "host"),
        ("https://[::1/a", Host, "host"),
        ("https://[host]/a", Host, "host"),
        ("https://host:0/a", Port, "port"),
        ("https://host:65536/a", Port, "port"),
        ("https://host:+1/a", Port, "port"),
        ("https://host", Path, "path"),
        ("https://host/", Path, "path"),
        ("ssh://host/-oProxyCommand=x", Path, "path"),
        ("git@host:-x", Path, "path"),
        ("git@host:", Path, "path"),
        ("https://host/a b", Blank, "blank"),
        ("https://host/a\nb", ControlCharacter, "control character"),
        ("https://host/a\0b", ControlCharacter, "control character"),
        ("https://host/\u{1b}[31m", ControlCharacter, "control character"),
        (&long, TooLong, "2048 bytes"),
        ("no/such/folder", Neither, "no such folder"),
        ("project", Neither, "no such folder"),
        ("./a:b", Neither, "no such folder"),
    ];
    for (text, problem, says) in cases {
        let error = RepositorySource::parse(text).expect_err(text);
        let shown = error.to_string();
        assert_eq!(*error.problem(), problem, "{text:?}: {shown}");
        assert!(shown.starts_with("Invalid repository URL: `") && shown.contains(says), "{text:?}: {shown}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("a1a1") && !shown.chars().any(char::is_control),
            "{shown:?}"
        );
        assert!(shown.len() < 400, "{shown}");
    }
}

#[test]
fn refusals_say_what_to_do_instead() {
    let cases = [
        ("file:///srv/a", "give the folder itself, without `file://`"),
        ("https://me:x@host/a", "FLAKY_GIT_TOKEN"),
        ("http://host/a", "https://"),
        ("-x", "./"),
    ];
    for (text, hint) in cases {
        let error = RepositorySource::parse(text).unwrap_err();
        assert!(error.hint().unwrap().contains(hint), "{text}");
    }
}
