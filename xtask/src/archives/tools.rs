//! What builds a release: another version might give other bytes, so each is fixed, and installed into the target folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::System;
use crate::{Result, cargo, say, sources};

/// Of Rust. The components in `plugins/dist` are of the same.
pub(crate) const TOOLCHAIN: &str = "1.95.0";

/// Writes the versions of all crates into the program.
const AUDITABLE: &str = "0.7.7";

/// Packages with their hashes, for pip.
const REQUIREMENTS: &str = include_str!("../../../.ci/release-tools.txt");

pub(crate) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Installs what is missing for these targets; a folder for each set of versions.
    pub(crate) fn install(target_folder: &Path, targets: &[String]) -> Result<Self> {
        let key = sources::sha256(format!("{AUDITABLE}\n{REQUIREMENTS}").as_bytes());
        let tools = Self { folder: target_folder.join(format!("release-tools-{}", &key[..12])) };
        let done = tools.folder.join("done");
        tools.check_toolchain(targets)?;
        if done.exists() {
            return Ok(tools);
        }
        if targets.iter().any(|target| System::of(target) != System::MacOs) {
            tools.install_zig()?;
        }
        say("tools: cargo-auditable");
        let mut install = cargo::through_rustup();
        install.env("CARGO_TARGET_DIR", tools.folder.join("target")).env("RUSTUP_TOOLCHAIN", TOOLCHAIN);
        let version = format!("cargo-auditable@{AUDITABLE}");
        run(install.args(["install", "--quiet", "--locked", &version, "--root"]).arg(&tools.folder))?;
        std::fs::remove_dir_all(tools.folder.join("target"))?;
        crate::write(&done, b"")?;
        Ok(tools)
    }

    fn install_zig(&self) -> Result<()> {
        say("tools: zig, cargo-zigbuild");
        let requirements = self.folder.join("requirements.txt");
        crate::write(&requirements, REQUIREMENTS.as_bytes())?;
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(self.python()))?;
        let mut pip = Command::new(self.python().join("bin/python"));
        let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(pip
            .args(quiet)
            .args(["--require-hashes", "--only-binary=:all:", "--requirement"])
            .arg(&requirements))
    }

    fn check_toolchain(&self, targets: &[String]) -> Result<()> {
        let sysroot = self.sysroot()?;
        let missing = |target: &&String| !sysroot.join("lib/rustlib").join(target).join("lib").is_dir();
        match targets.iter().find(missing) {
            None => Ok(()),
            Some(target) => Err(format!(
                "Rust {TOOLCHAIN} has no standard library for `{target}`\n\
                 hint: rustup toolchain install {TOOLCHAIN} --profile minimal --target {}",
                targets.join(",")
            )
            .into()),
        }
    }

    /// Where the toolchain stands.
    pub(crate) fn sysroot(&self) -> Result<PathBuf> {
        let mut rustc = Command::new("rustc");
        rustc.args(["--print", "sysroot"]).env("RUSTUP_TOOLCHAIN", TOOLCHAIN);
        Ok(PathBuf::from(cargo::output(&mut rustc)?))
    }

    fn python(&self) -> PathBuf {
        self.folder.join("python")
    }

    /// Search path with the tools before everything else.
    pub(crate) fn path(&self) -> Result<OsString> {
        let mut folders = vec![self.python().join("bin"), self.folder.join("bin")];
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        Ok(std::env::join_paths(folders)?)
    }
}

fn run(command: &mut Command) -> Result<()> {
    let status =
        command.status().map_err(|error| format!("`{}`: {error}", command.get_program().display()))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` failed: {status}", command.get_program().display()).into())
    }
}
