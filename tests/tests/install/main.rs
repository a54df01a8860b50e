//! `install.sh`, by a real shell, against a server on loopback that hands out releases: honest ones, and others.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "what cannot be prepared fails the test")]

mod releases;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use self::releases::{Releases, archive, sums};

/// The triple of the machine that the tests run on, as releases name it.
fn triple() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

fn file(version: &str) -> String {
    format!("flaky-{version}-{}.tar.gz", triple())
}

/// A program that says this version.
fn program(version: &str) -> String {
    format!("#!/bin/sh\necho flaky {version}\n")
}

/// A user with a home of their own, and a server of releases.
struct User {
    folder: TempDir,
    releases: Releases,
    /// Where programs are looked for.
    path: String,
}

impl User {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder, releases: Releases::start(), path: "/usr/local/bin:/usr/bin:/bin".to_owned() }
    }

    /// One for whom a release is there, by its number and as the newest.
    fn with_release(version: &str) -> Self {
        let user = Self::new();
        user.release(version, &archive(&program(version)));
        user
    }

    fn release(&self, version: &str, archive: &[u8]) {
        let sums = sums(&[(&file(version), archive)]);
        for place in [format!("download/v{version}"), "latest/download".to_owned()] {
            self.releases.put(&format!("{place}/{}", file(version)), archive);
            self.releases.put(&format!("{place}/SHA256SUMS"), sums.as_bytes());
        }
    }

    /// As if this machine were another one.
    fn is_on(&mut self, system: &str, machine: &str) {
        let programs = self.folder.path().join("other");
        std::fs::create_dir(&programs).unwrap();
        let fake = format!("#!/bin/sh\n[ \"$1\" = -s ] && echo {system} || echo {machine}\n");
        releases::write_program(&programs.join("uname"), &fake);
        self.path = format!("{}:{}", programs.display(), self.path);
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn installed(&self) -> PathBuf {
        self.home().join(".local/bin/flaky")
    }

    fn shell(&self, script: &Path, arguments: &[&str]) -> Command {
        let mut sh = Command::new("/bin/sh");
        sh.arg(script)
            .args(arguments)
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", &self.path)
            .env("TMPDIR", self.folder.path())
            .env("FLAKY_RELEASES", self.releases.address());
        sh
    }

    fn install(&self, arguments: &[&str]) -> Output {
        self.shell(&script(), arguments).output().unwrap()
    }

    /// Installs what must not be installed, and gives what was told.
    fn refused(&self, arguments: &[&str]) -> String {
        let ended = self.install(arguments);
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{told}");
        assert!(told.contains("error: "), "{told}");
        assert_eq!(self.left(), Vec::<String>::new(), "{told}");
        told
    }

    /// Whatever is in the home and in the folder of temporary files.
    fn left(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.push(entry.path().strip_prefix(self.folder.path()).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    /// A search path with these programs alone.
    fn only(&mut self, programs: &[&str]) {
        let folder = self.folder.path().join("home/programs");
        std::fs::create_dir(&folder).unwrap();
        for name in programs {
            let all = std::env::split_paths("/usr/local/bin:/usr/bin:/bin");
            let found = all.map(|folder| folder.join(name)).find(|path| path.exists());
            std::os::unix::fs::symlink(found.expect(name), folder.join(name)).unwrap();
        }
        self.path = folder.display().to_string();
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../install.sh")
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const INSTALLED: [&str; 2] = ["home/.local/bin/flaky", "home/.local/share/man/man1/flaky.1"];

#[test]
fn the_newest_release_is_installed_for_the_user_and_again_and_taken_away() {
    let user = User::with_release("1.2.3");
    for _ in 0..2 {
        let told = text(&user.install(&[]));
        assert!(told.contains("flaky 1.2.3 is in"), "{told}");
        assert!(told.contains("not on your PATH yet"), "{told}");
        assert_eq!(user.left(), INSTALLED);
    }
    assert_eq!(text(&Command::new(user.installed()).output().unwrap()), "flaky 1.2.3\n");
    user.release("1.3.0", &archive(&program("1.3.0")));
    text(&user.install(&[]));
    assert_eq!(text(&Command::new(user.installed()).output().unwrap()), "flaky 1.3.0\n");
    std::fs::write(user.home().join(".local/bin/other"), "").unwrap();
    for _ in 0..2 {
        text(&user.install(&["--uninstall"]));
        assert_eq!(user.left(), ["home/.local/bin/other"]);
    }
}

#[test]
fn a_version_is_installed_by_its_number_and_into_a_folder_of_choice() {
    let user = User::with_release("1.2.3");
    user.release("1.10.0", &archive(&program("1.10.0")));
    let into = user.home().join("my programs");
    let mut sh = user.shell(&script(), &["--version", "1.2.3"]);
    let told = text(&sh.env("FLAKY_INSTALL_DIR", &into).output().unwrap());
    assert!(told.contains("flaky 1.2.3 is in"), "{told}");
    assert_eq!(user.left(), [INSTALLED[1], "home/my programs/flaky"]);
    for wrong in ["1.2", "v1.2.3", "latest", "../../x", "1.2.3;id", ""] {
        assert_eq!(user.install(&["--version", wrong]).status.code(), Some(1), "{wrong}");
    }
}

#[test]
fn what_is_not_what_was_released_is_never_installed() {
    let user = User::new();
    let honest = archive(&program("1.2.3"));
    let name = file("1.2.3");
    let none = "SHA256SUMS: none";
    let sum = |archive: &[u8]| sums(&[(&name, archive)]);
    let (other, link) = (archive("#!/bin/sh\necho pwned\n"), releases::archive_of_link());
    let mut tampered = honest.clone();
    let middle = tampered.len() / 2;
    tampered[middle] ^= 1;
    let upper = sum(&honest).to_uppercase();
    let cases: &[(&str, &[u8], String, &str)] = &[
        ("another archive", &other, sum(&honest), "is not what was released"),
        ("one bit", &tampered, sum(&honest), "is not what was released"),
        ("cut", &honest[..middle], sum(&honest), "is not what was released"),
        ("empty", &[], sum(&honest), "is not what was released"),
        ("no sum", &honest, String::new(), "has no sha256"),
        ("sums that are a page", &honest, "<html>404</html>".into(), "has no sha256"),
        ("sum of another machine", &honest, sum(&honest).replace("unknown", "pc"), "has no sha256"),
        ("a short sum", &honest, sum(&honest)[1..].to_owned(), "has no sha256"),
        ("not the form of sums", &honest, upper, "has no sha256"),
        ("a path for a name", &honest, sum(&honest).replace("flaky-1", "../flaky-1"), "has no sha256"),
        ("two programs", &honest, sum(&honest).repeat(2), "several programs"),
        ("a link for a program", &link, sum(&link), "holds no program"),
        ("no archive", b"no gzip", sum(b"no gzip"), "cannot be unpacked"),
        (none, &honest, String::new(), "cannot download"),
    ];
    for (title, archive, sums, expected) in cases {
        user.releases.put(&format!("latest/download/{name}"), archive);
        if title == &none {
            user.releases.remove("latest/download/SHA256SUMS");
        } else {
            user.releases.put("latest/download/SHA256SUMS", sums.as_bytes());
        }
        let told = user.refused(&[]);
        assert!(told.contains(expected), "{title}: {told}");
    }
}

#[test]
fn a_failed_update_leaves_the_program_that_was_there() {
    let user = User::with_release("1.2.3");
    text(&user.install(&[]));
    user.release("1.3.0", &archive(&program("1.3.0")));
    user.releases.put(&format!("latest/download/{}", file("1.3.0")), b"something else");
    assert_eq!(user.install(&[]).status.code(), Some(1));
    // One that does not start here.
    user.release("1.4.0", &archive("#!/bin/sh\nexit 1\n"));
    assert_eq!(user.install(&[]).status.code(), Some(1));
    assert_eq!(user.left(), INSTALLED);
    assert_eq!(text(&Command::new(user.installed()).output().unwrap()), "flaky 1.2.3\n");
}

#[test]
fn a_download_that_breaks_off_is_an_error() {
    let user = User::with_release("1.2.3");
    user.releases.break_off(&format!("latest/download/{}", file("1.2.3")));
    assert!(user.refused(&[]).contains("cannot download"));
}

/// What the script needs beside something that downloads.
const NEEDED: [&str; 16] = [
    "uname",
    "mktemp",
    "rm",
    "grep",
    "wc",
    "cut",
    "du",
    "tar",
    "gzip",
    "mkdir",
    "cp",
    "chmod",
    "mv",
    "sha256sum",
    "sh",
    "cat",
];

#[test]
fn wget_will_do_where_curl_is_missing_and_neither_is_told() {
    let mut user = User::with_release("1.2.3");
    user.only(&[&NEEDED[..], &["wget"]].concat());
    let told = text(&user.install(&[]));
    assert!(told.contains("flaky 1.2.3 is in"), "{told}");
    user.releases.put(&format!("latest/download/{}", file("1.2.3")), b"something else");
    assert_eq!(user.install(&[]).status.code(), Some(1));
    let mut user = User::with_release("1.2.3");
    user.only(&NEEDED);
    let ended = user.install(&[]);
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(told.contains("neither curl nor wget") && told.contains("hint: "), "{told}");
    assert!(!user.installed().exists());
}

#[test]
fn nothing_is_asked_without_encryption_but_on_this_machine() {
    let user = User::with_release("1.2.3");
    // An address that leads nowhere (RFC 5737): it must be refused before anybody is asked.
    for (downloader, expected) in [("curl", "rotocol"), ("wget", "is not https")] {
        let mut user =
            User { folder: tempfile::tempdir().unwrap(), releases: Releases::start(), ..User::new() };
        std::fs::create_dir(user.home()).unwrap();
        user.only(&[&NEEDED[..], &[downloader]].concat());
        let mut sh = user.shell(&script(), &[]);
        let ended = sh.env("FLAKY_RELEASES", "http://192.0.2.1/releases").output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1));
        assert!(told.contains(expected), "{downloader}: {told}");
    }
    drop(user);
}

#[test]
fn another_system_or_machine_is_told() {
    for (system, machine, expected) in [
        ("FreeBSD", "amd64", "flaky runs on Linux and macOS, this is FreeBSD"),
        ("Linux", "riscv64", "there is no flaky for riscv64"),
        ("Darwin", "arm64", "no sha256 of a program for aarch64-apple-darwin"),
    ] {
        let mut user = User::with_release("1.2.3");
        user.is_on(system, machine);
        let ended = user.install(&[]);
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(told.contains(expected), "{told}");
        assert!(!user.installed().exists());
    }
}

#[test]
fn a_mac_gets_its_own_program_and_its_user_is_told_what_that_does_not_do() {
    for (machine, triple) in [("arm64", "aarch64-apple-darwin"), ("x86_64", "x86_64-apple-darwin")] {
        let mut user = User::with_release("1.2.3");
        let (name, packed) =
            (format!("flaky-1.2.3-{triple}.tar.gz"), archive("#!/bin/sh\necho flaky for a Mac\n"));
        let both = sums(&[(&file("1.2.3"), &archive(&program("1.2.3"))), (&name, &packed)]);
        user.releases.put(&format!("latest/download/{name}"), &packed);
        user.releases.put("latest/download/SHA256SUMS", both.as_bytes());
        user.is_on("Darwin", machine);
        let told = text(&user.install(&[]));
        assert!(told.contains("flaky for a Mac is in") && told.contains("no attempts of its own"), "{told}");
        assert!(user.installed().exists());
    }
}

#[test]
fn a_script_that_arrives_in_part_does_nothing() {
    let user = User::with_release("1.2.3");
    let whole = std::fs::read_to_string(script()).unwrap();
    let cut = user.folder.path().join("cut.sh");
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    for count in (0..lines.len() - 1).step_by(3).chain([lines.len() - 1]) {
        std::fs::write(&cut, lines[..count].concat()).unwrap();
        user.shell(&cut, &[]).output().unwrap();
        assert_eq!(user.left(), ["cut.sh"], "after {count} lines");
    }
    std::fs::write(&cut, &whole).unwrap();
    text(&user.shell(&cut, &[]).output().unwrap());
    assert!(user.installed().exists(), "the whole does");
}
