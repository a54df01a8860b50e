//! Plugins that have to be fetched: a real registry, a real web server, and what happens when they are not as they were.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use flaky_core::report::RunReport;
use flaky_tests::{Access, DockerRegistry, Ended, Flaky, place, python};
use serde_json::Value;

const CONFIG: &str = ".flaky-detector.yml";
const LOCK: &str = ".flaky-detector.lock";
/// A test that leaves a mark where it ran.
const RUN: &str = "--runs 1 --isolation shared";
const TESTS: &str = "-- touch ran";

/// A component that decides about every test.
fn component() -> Vec<u8> {
    fs::read(place::guest("hostile")).unwrap()
}

/// The same with another digest: a custom section at its end (WebAssembly core specification, section 5.5.3).
fn another(mark: u8) -> Vec<u8> {
    let mut bytes = component();
    bytes.extend([0, 3, 1, b'x', mark]);
    bytes
}

fn project() -> Flaky {
    Flaky::new().own_cache().file("one.wasm", component()).file("two.wasm", another(2))
}

fn read(flaky: &Flaky, name: &str) -> String {
    fs::read_to_string(flaky.project().join(name)).unwrap_or_default()
}

/// The project in a repository of its own; gives its commit.
fn committed(flaky: &Flaky) -> String {
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=T", "-c", "user.email=t@example.org"];
        let mut command = std::process::Command::new("git");
        let output = command.args(who).args(arguments).current_dir(flaky.project()).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let _ = git(&["init", "-q", "-b", "main"]);
    let _ = git(&["add", "."]);
    let _ = git(&["commit", "-qm", "first"]);
    git(&["rev-parse", "HEAD"])
}

/// As on a machine where nothing was fetched yet.
fn forget_fetched(flaky: &Flaky) {
    let _ = fs::remove_dir_all(flaky.cache().join("plugins"));
}

fn fetched(flaky: &Flaky) -> usize {
    fs::read_dir(flaky.cache().join("plugins")).map_or(0, Iterator::count)
}

/// The digest of the plugin that took part.
#[track_caller]
fn used(ended: &Ended) -> String {
    let report: RunReport = ended.report();
    let plugin = report.plugins.into_iter().find(|plugin| plugin.name == "hostile");
    plugin.unwrap_or_else(|| panic!("it took part\n{}", ended.everything())).sha256
}

/// A run that has to be refused before anything runs.
#[track_caller]
fn refused(flaky: &Flaky, flags: &str, code: i32, said: &[&str]) {
    let lock = read(flaky, LOCK);
    let before = fetched(flaky);
    let mut ended = flaky.run(&format!("{RUN} {flags} {TESTS}")).exits(code);
    for text in said {
        ended = ended.warns(text);
    }
    assert!(!flaky.project().join("ran").exists(), "nothing ran\n{}", ended.everything());
    assert_eq!(read(flaky, LOCK), lock, "the lock is as it was");
    assert_eq!(fetched(flaky), before, "nothing is kept");
}

fn lock_value(flaky: &Flaky, key: &str) -> String {
    let text = read(flaky, LOCK);
    let line = text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap_or_default();
    line.split('"').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn a_plugin_goes_round_by_way_of_a_registry() {
    let registry = DockerRegistry::new(Access::Open);
    let address = registry.address("team/hostile:1.0");
    let author = project();
    let _ = author
        .flaky(&format!("plugin publish one.wasm {address}"))
        .exits(0)
        .says("is published")
        .says(&address);
    let _ = author.flaky(&format!("plugin publish one.wasm {address}")).exits(0).says("the very same");

    let user = project().file(CONFIG, "# ours\nfail_on: never\n");
    let added = user.flaky(&format!("plugin add {address}")).exits(0);
    let _ = added.says("hostile 0.1.0: misbehaves").says("wants commands").says("grants: - commands");
    assert_eq!(read(&user, CONFIG), format!("# ours\nfail_on: never\n\nplugins:\n  - {address}\n"));
    assert_eq!(lock_value(&user, "source"), address);
    assert_eq!(lock_value(&user, "contract"), "0.1.0");

    // A stranger's machine has the repository and nothing else.
    forget_fetched(&user);
    refused(&user, "--offline", 2, &[&address, "is not here", "--offline"]);
    let ended = user.run(&format!("{RUN} --locked {TESTS}"));
    assert_eq!(used(&ended), lock_value(&user, "sha256"));
    assert!(user.project().join("ran").exists());
    let ended = user.run(&format!("{RUN} --locked --offline {TESTS}"));
    assert_eq!(used(&ended), lock_value(&user, "sha256"));

    let list = user.flaky("plugin list --json").exits(0);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(list["plugins"][0]["stand"], "stored", "{list}");
    assert_eq!(list["plugins"][0]["locked"]["name"], "hostile", "{list}");
    let _ = user.flaky("plugin remove hostile").exits(0);
    assert!(!read(&user, LOCK).contains("[[plugin]]"));
    assert_eq!(read(&user, CONFIG), "# ours\nfail_on: never\n\nplugins: []\n");
    let _ = user.flaky("plugin remove hostile").exits(2).warns("there is no plugin `hostile`");
}

#[test]
fn a_tag_that_was_moved_changes_nothing_until_somebody_says_so() {
    let registry = DockerRegistry::new(Access::Open);
    let address = registry.address("team/hostile:1.0");
    let user = project();
    let _ = user.flaky(&format!("plugin publish one.wasm {address}")).exits(0);
    let _ = user.flaky(&format!("plugin add {address}")).exits(0);
    let (first, manifest) = (lock_value(&user, "sha256"), lock_value(&user, "resolved"));

    let _ = user.flaky(&format!("plugin publish two.wasm {address}")).exits(2).warns("is published already");
    let _ = user.flaky(&format!("plugin publish two.wasm {address} --overwrite")).exits(0);
    forget_fetched(&user);
    assert_eq!(used(&user.run(&format!("{RUN} --locked -- true"))), first, "what was locked runs");
    let again = user.flaky(&format!("plugin add {address}")).exits(2);
    let _ = again.warns("was moved").warns(&manifest).warns("flaky plugin update hostile");
    assert_eq!(lock_value(&user, "sha256"), first);

    // Where the old one is gone from the registry, the new one does not take its place.
    fs::remove_file(registry.blob(&manifest)).unwrap();
    forget_fetched(&user);
    refused(&user, "--locked", 2, &[&address, "no such manifest"]);
    let _ = user.flaky("plugin update").exits(0).says(&first).says("becomes");
    let second = lock_value(&user, "sha256");
    assert_ne!(second, first);
    assert_eq!(used(&user.run(&format!("{RUN} --locked -- true"))), second);
}

#[test]
fn what_is_spoilt_in_the_registry_is_refused_by_name_and_nothing_runs() {
    let mut registry = DockerRegistry::new(Access::Open);
    let address = registry.address("team/hostile:1.0");
    let user = project();
    let _ = user.flaky(&format!("plugin publish one.wasm {address}")).exits(0);
    let _ = user.flaky(&format!("plugin add {address}")).exits(0);
    let (blob, manifest) =
        (registry.blob(&lock_value(&user, "sha256")), registry.blob(&lock_value(&user, "resolved")));
    let length =
        |path: &Path, bytes| fs::File::options().write(true).open(path).unwrap().set_len(bytes).unwrap();
    let truncate = || length(&blob, 1000);
    let grow = || length(&blob, 500 << 20);
    let flip = || {
        let mut bytes = component();
        bytes[1000] ^= 1;
        fs::write(&blob, bytes).unwrap();
    };
    let edit = || {
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, text.replace("\"schemaVersion\":2", "\"schemaVersion\": 2")).unwrap();
    };
    let accidents: [(&dyn Fn(), &str); 4] = [
        (&truncate, "the component ends after 1000 bytes"),
        (&grow, "the component has 524288000 bytes, and at most"),
        (&flip, "the component has the digest sha256:"),
        (&edit, "the manifest has the digest sha256:"),
    ];
    for (accident, said) in accidents {
        let kept = (fs::read(&blob).unwrap(), fs::read(&manifest).unwrap());
        accident();
        forget_fetched(&user);
        refused(&user, "--locked", 2, &[&address, said]);
        fs::write(&blob, kept.0).unwrap();
        fs::write(&manifest, kept.1).unwrap();
    }
    assert_eq!(used(&user.run(&format!("{RUN} --locked -- true"))), lock_value(&user, "sha256"));
    registry.stop();
    forget_fetched(&user);
    refused(&user, "--locked", 1, &[&address, "cannot be reached", "flaky plugin vendor"]);
}

#[test]
fn a_registry_that_asks_who_is_there_is_told_and_nobody_else_is() {
    let registry = DockerRegistry::new(Access::Login);
    let address = registry.address("team/hostile:1.0");
    let stranger = project();
    let denied = stranger.flaky(&format!("plugin publish one.wasm {address}")).exits(2);
    let _ = denied.warns("it asks for credentials").warns("docker login");
    let login =
        |password: &str| project().env("FLAKY_REGISTRY_USER", "me").env("FLAKY_REGISTRY_PASSWORD", password);
    let wrong = login("s3cret").flaky(&format!("plugin publish one.wasm {address}")).exits(2);
    assert!(!wrong.everything().contains("s3cret"));
    let _ = wrong.warns("the credentials do not suffice");
    let _ = login("secret").flaky(&format!("plugin publish one.wasm {address}")).exits(0);

    // As `docker login` keeps them.
    let config = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"bWU6c2VjcmV0\"}}}}}}", registry.host());
    let user = project().home_file(".docker/config.json", &config);
    let _ = user.flaky(&format!("plugin add {address}")).exits(0);
    forget_fetched(&user);
    assert_eq!(used(&user.run(&format!("{RUN} --locked -- true"))), lock_value(&user, "sha256"));
}

#[test]
fn what_is_vendored_needs_no_network_and_is_what_was_locked_or_nothing() {
    let mut registry = DockerRegistry::new(Access::Open);
    let address = registry.address("team/hostile:1.0");
    let user = project();
    let _ = user.flaky(&format!("plugin publish one.wasm {address}")).exits(0);
    let _ = user.flaky(&format!("plugin add {address} --name judge")).exits(0);
    let _ = user.flaky("plugin vendor").exits(0).says("judge.wasm");
    registry.stop();
    forget_fetched(&user);
    let ended = user.run(&format!("{RUN} --locked --offline -- true"));
    assert_eq!(used(&ended), lock_value(&user, "sha256"));
    let file = user.project().join(".flaky/plugins/judge.wasm");
    fs::write(&file, another(7)).unwrap();
    refused(&user, "--locked", 2, &["judge.wasm", "is not the component that is locked"]);
    fs::remove_file(&file).unwrap();
    refused(&user, "--locked --offline", 2, &["is not here"]);
}

#[test]
fn what_is_not_locked_is_not_used_and_the_command_that_locks_it_is_named() {
    let registry = DockerRegistry::new(Access::Open);
    let address = registry.address("team/hostile:1.0");
    let text = format!("plugins:\n  - {address}\n");
    let user = project().file(CONFIG, &text);
    let _ = user.flaky(&format!("plugin publish one.wasm {address}")).exits(0);
    // Nobody can have approved what may be anything.
    let ended = user.run(&format!("{RUN} -- true"));
    assert!(ended.report().plugins.iter().all(|plugin| plugin.name != "hostile"), "{}", ended.everything());
    let _ = ended.warns("is not used").warns(&format!("flaky plugin add {address}"));
    // Where the file is the workflow's own word it is an error.
    let ci = project().file(CONFIG, &text);
    let commit = committed(&ci);
    let ci = ci.env("CI", "true").env("GITHUB_ACTIONS", "true").env("GITHUB_SHA", commit);
    refused(&ci, "", 2, &[&address, "is not in `.flaky-detector.lock`", "flaky plugin update"]);
    refused(&ci, "--locked", 2, &["flaky plugin update"]);
    let _ = user.flaky(&format!("plugin add {address}")).exits(0).says("names it already");
    let ended = user.run(&format!("{RUN} -- true"));
    assert_eq!(used(&ended), lock_value(&user, "sha256"), "the lock is written");
    let lock = read(&user, LOCK);
    for (edit, said) in [
        (lock.replace("version = 1\n", "version = 9\n"), ":3: it has version 9"),
        (
            format!(
                "{lock}{}",
                lock.split_once("[[plugin]]").map(|(_, e)| format!("[[plugin]]{e}")).unwrap()
            ),
            "two plugins of the name `hostile`",
        ),
        (lock.replace("sha256 = \"", "sha256 = \"0"), "`sha256`"),
        (lock.replace("sha256 =", "<<<<<<< HEAD\nsha256 ="), ".flaky-detector.lock:"),
    ] {
        let user = user_with(&text, &edit);
        refused(&user, "", 2, &[LOCK, said]);
    }
    let other = format!("plugins:\n  - source: {address}\n    sha256: {}\n", "0".repeat(64));
    let other = user_with(&other, &lock);
    let _ = other.flaky(&format!("plugin trust --yes {}", "0".repeat(64))).exits(0);
    refused(&other, "", 2, &[&"0".repeat(64), &lock_value(&user, "sha256")]);
}

fn user_with(config: &str, lock: &str) -> Flaky {
    project().file(CONFIG, config).file(LOCK, lock)
}

/// A web server with a certificate that only those trust who are told to; ends with the value.
struct Web {
    folder: tempfile::TempDir,
    server: Child,
    port: u16,
}

impl Web {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("served")).unwrap();
        let mut make = Command::new("openssl");
        make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "2"]);
        make.args([
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            "key.pem",
            "-out",
            "certificate.pem",
        ]);
        let made = make.current_dir(folder.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut command = Command::new(python::bin().join("python3"));
        command.arg(place::repository().join("tests/fixtures/https_files.py"));
        command.args(["served", "certificate.pem", "key.pem"]).current_dir(folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { folder, server, port: line.trim().parse().unwrap() }
    }

    fn url(&self, name: &str) -> String {
        format!("https://127.0.0.1:{}/{name}", self.port)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("served").join(name)
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_file_of_a_web_server_is_what_its_digest_says_or_nothing() {
    let web = Web::new();
    fs::write(web.file("one.wasm"), component()).unwrap();
    let address = web.url("one.wasm");
    let stranger = project().flaky(&format!("plugin add {address}")).exits(1);
    let _ = stranger.warns("certificate");
    let user = || project().env("SSL_CERT_FILE", web.certificate());
    let wrong = user();
    let _ = wrong
        .flaky(&format!("plugin add {address} --sha256 {}", "0".repeat(64)))
        .exits(2)
        .warns(&"0".repeat(64));
    assert!(!wrong.project().join(CONFIG).exists() && !wrong.project().join(LOCK).exists());
    let user = user();
    let _ = user.flaky(&format!("plugin add {address}")).exits(0);
    forget_fetched(&user);
    assert_eq!(used(&user.run(&format!("{RUN} --locked -- true"))), lock_value(&user, "sha256"));
    fs::write(web.file("one.wasm"), another(3)).unwrap();
    forget_fetched(&user);
    refused(&user, "--locked", 2, &[&address, "has the digest"]);
    fs::remove_file(web.file("one.wasm")).unwrap();
    refused(&user, "--locked", 2, &[&address, "no such component"]);
    let _ =
        user.flaky(&format!("plugin add http://127.0.0.1:{}/one.wasm", web.port)).exits(2).warns("https://");
}
