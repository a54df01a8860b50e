//! The Python of the tests: one virtual environment with pytest, made once per target folder.

use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::place::{NOBODY, once};

/// The version that `examples/python` asks for too.
const PYTEST: &str = "pytest==9.2.0";

/// The folder of `python3` and `pytest`, to stand first in `PATH`.
///
/// # Panics
/// When there is no Python with `venv`, or pytest cannot be installed.
pub fn bin() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| {
        let name = format!("venv-{}", PYTEST.replace("==", "-"));
        once(&name, |folder| {
            run(Command::new(interpreter()).args(["-m", "venv"]).arg(folder));
            run(Command::new(folder.join("bin/python3")).args(["-m", "pip", "install", "-q", PYTEST]));
        })
        .join("bin")
    })
}

/// A version of RunPod's own SDK, the package `runpod`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sdk {
    /// 1.12.0.
    New,
    /// 1.8.1, which the original tool asks for.
    Old,
}

impl Sdk {
    /// As pip knows it.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::New => "1.12.0",
            Self::Old => "1.8.1",
        }
    }
}

/// The folder of a `python3` that has the SDK (and nothing that the tests of samples need).
///
/// # Panics
/// When there is no Python with `venv`, or the SDK cannot be installed.
#[must_use]
pub fn sdk(sdk: Sdk) -> PathBuf {
    let version = sdk.version();
    once(&format!("venv-runpod-{version}"), |folder| {
        run(Command::new(interpreter()).args(["-m", "venv"]).arg(folder));
        let package = format!("runpod=={version}");
        run(Command::new(folder.join("bin/python3")).args(["-m", "pip", "install", "-q", &package]));
    })
    .join("bin")
}

/// What a piece of Python prints.
///
/// # Panics
/// When it fails.
#[must_use]
pub fn evaluate(code: &str) -> String {
    let output = Command::new(bin().join("python3")).args(["-c", code]).output().expect("Python runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("Python prints UTF-8")
}

/// The first Python on `PATH`, as a real path; for root the first that other users can start too, because some
/// tests run as nobody.
fn interpreter() -> PathBuf {
    let path = env::var_os("PATH").expect("PATH is set");
    let found: Vec<PathBuf> = env::split_paths(&path)
        .map(|folder| folder.join("python3"))
        .filter(|file| file.is_file())
        .filter_map(|file| real_path(&file))
        .collect();
    let by_nobody = |file: &&PathBuf| {
        let mut command = Command::new(file);
        command.args(["-c", ""]).uid(NOBODY).gid(NOBODY).current_dir("/").env_clear();
        command.status().is_ok_and(|status| status.success())
    };
    let usable = if nix::unistd::geteuid().is_root() { found.iter().find(by_nobody) } else { None };
    usable.or(found.first()).expect("the tests need python3 on PATH").clone()
}

/// Asked of the interpreter itself: what stands on `PATH` may be a script of a version manager.
fn real_path(python: &Path) -> Option<PathBuf> {
    let output = Command::new(python).args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    fs::canonicalize(text.trim()).ok().filter(|_| output.status.success())
}

fn run(command: &mut Command) {
    let output = command.output().expect("Python runs");
    assert!(output.status.success(), "{command:?}: {output:?}");
}
