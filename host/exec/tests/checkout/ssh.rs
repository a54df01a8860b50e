//! Over SSH, against OpenSSH's server: host keys and what is offered to prove who we are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flaky_exec::checkout::{CheckoutErrorKind, SshKey, SshKeyError};

use crate::support::{CHILD, Client, Origin, SshServer, again, keygen, run, user};

/// Another host's key.
fn other_key(folder: &Path, key_type: &str) -> String {
    let path = folder.join(format!("other_{key_type}"));
    keygen(key_type, path.to_str().unwrap());
    let line = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    line.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

fn client(server: &SshServer, repository: &Path) -> Client {
    Client::new(&server.url(repository)).settings(|s| s.home = Some(server.home()))
}

#[test]
fn known_hosts_are_recognised_in_every_form() {
    let origin = Origin::new();
    let repository = origin.history("it", &[]);
    let server = SshServer::start("ed25519");
    let (key, port) = (server.host_key(), server.port);
    let hashed = {
        let file = server.folder.path().join("hashed");
        std::fs::write(&file, format!("[127.0.0.1]:{port} {key}\n")).unwrap();
        run("ssh-keygen", &["-q", "-H", "-f", file.to_str().unwrap()], server.folder.path(), "");
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.starts_with("|1|"), "{text}");
        text
    };
    let forms = [
        format!("[127.0.0.1]:{port} {key}\n"),
        format!("# ours\n\n[localhost]:{port},[127.0.0.1]:{port} {key} root@host\n"),
        format!("127.0.0.1 {key}\n"),
        format!("[127.0.0.*]:{port} {key}\n"),
        hashed,
    ];
    for form in forms {
        server.known(&form);
        let client = client(&server, &repository);
        client.run().unwrap_or_else(|e| panic!("{form}: {e}"));
        assert_eq!((client.n().as_str(), client.depth()), ("100", 1), "{form}");
    }
}

#[test]
fn a_supplied_file_of_known_hosts_is_asked_too() {
    let origin = Origin::new();
    let repository = origin.history("it", &[]);
    let server = SshServer::start("ecdsa");
    let file = server.folder.path().join("supplied");
    std::fs::write(&file, format!("[127.0.0.1]:{} {}\n", server.port, server.host_key())).unwrap();
    client(&server, &repository).settings(|s| s.known_hosts = Some(file)).run().unwrap();

    let missing = PathBuf::from("/nonexistent/known_hosts");
    let (kind, _) = client(&server, &repository).settings(|s| s.known_hosts = Some(missing)).fails();
    assert!(
        matches!(&kind, CheckoutErrorKind::Io { why, .. } if why.contains("/nonexistent/known_hosts")),
        "{kind:?}"
    );
}

#[test]
fn an_unknown_host_is_refused_with_its_fingerprint_and_the_line_to_add() {
    let origin = Origin::new();
    let repository = origin.history("it", &[]);
    let server = SshServer::start("ed25519");
    let (kind, error) = client(&server, &repository).fails();
    let line = format!("[127.0.0.1]:{} {}", server.port, server.host_key());
    let expected = CheckoutErrorKind::HostKeyUnknown {
        host: format!("[127.0.0.1]:{}", server.port),
        key_type: "ssh-ed25519".into(),
        fingerprint: server.fingerprint(),
        known_types: vec![],
        line: line.clone(),
    };
    assert_eq!(kind, expected);
    assert!(error.to_string().contains(&server.fingerprint()), "{error}");
    // The line that the hint gives is the one that helps.
    assert!(error.hint().unwrap().ends_with(&line));
    server.known(&line);
    client(&server, &repository).run().unwrap();
}

#[test]
fn a_host_known_by_a_key_of_another_type_alone_is_unknown() {
    let origin = Origin::new();
    let repository = origin.history("it", &[]);
    let server = SshServer::start("ed25519");
    server.known(&format!("[127.0.0.1]:{} {}\n", server.port, other_key(server.folder.path(), "ecdsa")));
    let (kind, _) = client(&server, &repository).fails();
    let CheckoutErrorKind::HostKeyUnknown { known_types, .. } = kind else { panic!("{kind:?}") };
    assert_eq!(known_types, ["ecdsa-sha2-nistp256"]);
}

#[test]
fn a_changed_host_key_is_refused_loudly() {
    let origin = Origin::new();
    let repository = origin.history("it", &[]);
    let server = SshServer::start("ed25519");
    server.known(&format!("\n[127.0.0.1]:{} {}\n", server.port, other_key(server.folder.path(), "ed25519")));
    let (kind, error) = client(&server, &repository).fails();
    let CheckoutErrorKind::HostKeyChanged { fingerprint, place, .. } = kind else { panic!("{kind:?}") };
    assert_eq!(fingerprint, server.fingerprint());
    assert!(place.ends_with("known_hosts` line 2"), "{place}");
    assert!(error.to_string().contains("HAS CHANGED"), "{error}");

    server.known(&format!("[127.0.0.1]:{p} {k}\n@revoked * {k}\n", p = server.port, k = server.host_key()));
    let (kind, _) = client(&server, &repository).fails();
    assert!(matches!(kind, CheckoutErrorKind::HostKeyRevoked { .. }), "{kind:?}");
}

#[test]
fn who_has_no_accepted_key_is_told_what_was_offered() {
    let origin = Origin::new();
    let repository = origin.history("it", &[]);
    let server = SshServer::start("ed25519");
    server.known(&format!("[127.0.0.1]:{} {}\n", server.port, server.host_key()));
    let ssh = server.home().join(".ssh");
    // The server goes on accepting the public one.
    std::fs::remove_file(ssh.join("id_ed25519")).unwrap();
    let offered = |kind| match kind {
        CheckoutErrorKind::Auth { offered } => offered,
        other => panic!("{other:?}"),
    };
    let (kind, error) = client(&server, &repository).fails();
    assert_eq!(offered(kind).iter().filter(|o| !o.contains("ssh-agent")).count(), 0);
    assert!(error.hint().unwrap().contains("ssh-agent"));

    let stranger = ssh.join("id_ecdsa");
    keygen("ecdsa", stranger.to_str().unwrap());
    let (kind, _) = client(&server, &repository).fails();
    assert!(offered(kind).contains(&format!("`{}`", stranger.display())));
}

#[test]
fn a_key_in_memory_opens_the_repository_in_every_kind_and_format_and_leaves_no_trace() {
    let origin = Origin::new();
    let repository = origin.history("it", &[]);
    let server = SshServer::start("ed25519");
    server.known(&format!("[127.0.0.1]:{} {}\n", server.port, server.host_key()));
    let ssh = server.home().join(".ssh");
    std::fs::remove_file(ssh.join("id_ed25519")).unwrap();
    let kinds: [(&str, &[&str]); 7] = [
        ("ed25519", &[]),
        ("ecdsa", &[]),
        ("ecdsa", &["-m", "PEM"]),
        ("ecdsa", &["-m", "PKCS8"]),
        ("rsa", &[]),
        ("rsa", &["-m", "PEM"]),
        ("rsa", &["-m", "PKCS8"]),
    ];
    for (number, (kind, format)) in kinds.into_iter().enumerate() {
        let path = server.folder.path().join(format!("key{number}"));
        let options = ["-q", "-t", kind, "-N", "", "-f", path.to_str().unwrap()];
        run("ssh-keygen", &[&options, format].concat(), Path::new("/"), "");
        std::fs::copy(path.with_extension("pub"), ssh.join("id_ed25519.pub")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let client = client(&server, &repository).settings(|s| s.ssh_key = Some(SshKey::new(&text).unwrap()));
        client.run().unwrap_or_else(|e| panic!("{kind} {format:?}: {e}"));
        assert_eq!(client.n(), "100", "{kind} {format:?}");
        let secret = text.lines().nth(3).unwrap();
        let holds = Command::new("grep").args(["-rqF", "--", secret]).arg(client.tree()).status().unwrap();
        assert_eq!(holds.code(), Some(1), "{kind} {format:?}: the key is in the checkout");
        let config = std::fs::read_to_string(client.tree().join(".git/config")).unwrap();
        assert!(config.contains(&server.url(&repository)) && !config.contains("helper"), "{config}");
    }
}

#[test]
fn a_key_that_is_given_is_the_only_one_that_is_offered_and_the_host_is_still_checked() {
    let origin = Origin::new();
    let repository = origin.history("it", &[]);
    let server = SshServer::start("ed25519");
    let path = server.folder.path().join("stranger");
    keygen("ed25519", path.to_str().unwrap());
    let text = std::fs::read_to_string(&path).unwrap();
    let strange = || client(&server, &repository).settings(|s| s.ssh_key = Some(SshKey::new(&text).unwrap()));
    let (kind, _) = strange().fails();
    assert!(matches!(kind, CheckoutErrorKind::HostKeyUnknown { .. }), "{kind:?}");
    server.known(&format!("[127.0.0.1]:{} {}\n", server.port, server.host_key()));
    // The key in the home folder would open it.
    let (kind, error) = strange().fails();
    assert_eq!(kind, CheckoutErrorKind::Auth { offered: vec!["the SSH key".into()] });
    let secret = text.lines().nth(2).unwrap();
    assert!(!format!("{error} {error:?} {:?}", strange().request).contains(secret));
}

#[test]
fn a_key_with_a_passphrase_is_refused_by_name_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    for (number, format) in [&[][..], &["-m", "PEM"], &["-m", "PKCS8"]].into_iter().enumerate() {
        let path = folder.path().join(format!("key{number}"));
        let options = ["-q", "-t", "rsa", "-N", "passphrase", "-f", path.to_str().unwrap()];
        run("ssh-keygen", &[&options, format].concat(), Path::new("/"), "");
        let key = SshKey::new(&std::fs::read_to_string(&path).unwrap());
        assert_eq!(key.unwrap_err(), SshKeyError::Passphrase, "{format:?}");
    }
}

#[test]
fn a_repository_that_is_not_there_is_not_found() {
    let server = SshServer::start("ed25519");
    server.known(&format!("[127.0.0.1]:{} {}\n", server.port, server.host_key()));
    let (kind, _) = client(&server, Path::new("/nonexistent/it.git")).fails();
    assert_eq!(kind, CheckoutErrorKind::NotFound);
}

#[test]
fn a_server_that_never_greets_ends_with_the_time_limit() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ssh://git@{}/it.git", listener.local_addr().unwrap());
    let limit = Duration::from_millis(500);
    let (kind, _) = Client::new(&url).settings(|s| s.timeout = limit).fails();
    assert_eq!(kind, CheckoutErrorKind::TimedOut(limit));
}

#[test]
fn a_key_that_only_the_agent_has_is_offered() {
    if let Ok(argument) = std::env::var(CHILD) {
        let (url, known_hosts) = argument.split_once(' ').unwrap();
        let client = Client::new(url).settings(|s| s.known_hosts = Some(known_hosts.into()));
        client.run().unwrap();
        return assert_eq!(client.n(), "100");
    }
    let origin = Origin::new();
    let repository = origin.history("it", &[]);
    let server = SshServer::start("ed25519");
    server.known(&format!("[127.0.0.1]:{} {}\n", server.port, server.host_key()));
    let socket = server.folder.path().join("agent");
    let agent = Agent::start(&socket);
    let key = server.home().join(".ssh/id_ed25519");
    let added = Command::new("ssh-add").arg("-q").arg(&key).env("SSH_AUTH_SOCK", &socket).status().unwrap();
    assert!(added.success());
    let argument =
        format!("{} {}", server.url(&repository), server.home().join(".ssh/known_hosts").display());
    let socket: &OsStr = socket.as_os_str();
    again("ssh::a_key_that_only_the_agent_has_is_offered", &argument, &[("SSH_AUTH_SOCK", socket)]);
    drop(agent);
}

#[test]
fn the_short_form_of_an_address_reaches_the_same_repository() {
    // Port 22 is the only one that it can name, so only the address itself is looked at.
    let long = crate::support::remote(&format!("ssh://{}@example.org/srv/it.git", user()));
    let short = crate::support::remote(&format!("{}@example.org:/srv/it.git", user()));
    assert_eq!((long.host(), long.port(), long.user()), (short.host(), short.port(), short.user()));
}

struct Agent(Child);

impl Agent {
    fn start(socket: &Path) -> Self {
        let child =
            Command::new("ssh-agent").arg("-D").arg("-a").arg(socket).stdout(Stdio::null()).spawn().unwrap();
        while !socket.exists() {
            std::thread::yield_now();
        }
        Self(child)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
