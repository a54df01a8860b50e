//! One program for one machine, by tools of fixed versions and with nothing of this machine in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::tools::{TOOLCHAIN, Tools};
use super::{Package, System};
use crate::{Result, cargo, say};

/// The first with programs for both machines.
const OLDEST_MACOS: &str = "11.0";

pub(crate) struct Build<'a> {
    pub(crate) root: &'a Path,
    pub(crate) target_folder: &'a Path,
    pub(crate) target: &'a str,
    pub(crate) package: Package,
    /// Seconds since 1970, for what asks for the time.
    pub(crate) epoch: u64,
    pub(crate) tools: &'a Tools,
}

impl Build<'_> {
    /// Gives the program's path.
    pub(crate) fn run(&self) -> Result<PathBuf> {
        let name = self.package.name();
        say(&format!("{name} for {}", self.target));
        let c_flags = format!("CFLAGS_{}", self.target.replace('-', "_"));
        let mut command = cargo::through_rustup();
        command
            .current_dir(self.root)
            // `auditable`: the versions of all crates, in a section that scanners for weaknesses read.
            .args(["auditable", self.builder(), "--locked", "--profile", self.package.profile()])
            .args(["--target", self.target])
            .args(["--package", name])
            .args(features(self.package, self.target))
            .env("RUSTUP_TOOLCHAIN", TOOLCHAIN)
            .env("CARGO_TARGET_DIR", self.target_folder)
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_ENCODED_RUSTFLAGS", self.rust_flags()?)
            .env(c_flags, self.c_flags()?)
            .env("OPENSSL_SRC_PERL", self.root.join("xtask/src/archives/openssl-perl.sh"))
            .env("SOURCE_DATE_EPOCH", self.epoch.to_string())
            .env("TZ", "UTC")
            .env("LC_ALL", "C")
            .env("PATH", self.tools.path()?);
        match System::of(self.target) {
            System::Linux if self.package == Package::Flaky => {
                command.env("FLAKY_NOTHING_UNWINDS", "1");
            }
            System::MacOs => {
                command.env("MACOSX_DEPLOYMENT_TARGET", OLDEST_MACOS);
            }
            // Programs for Windows have tables for unwinding by its rules, whatever unwinds.
            System::Linux | System::Windows => {}
        }
        for variable in
            ["RUSTFLAGS", "CFLAGS", "CC", "CARGO_BUILD_RUSTC_WRAPPER", "RUSTC_WRAPPER", "RUSTC", "CARGO"]
        {
            command.env_remove(variable);
        }
        if !command.status().map_err(|error| format!("cargo: {error}"))?.success() {
            return Err(format!("{name} for {} was not built", self.target).into());
        }
        Ok(self
            .target_folder
            .join(self.target)
            .join(self.package.profile())
            .join(self.package.program(self.target)))
    }

    /// The command of cargo that links with zig, or with what Apple gives.
    fn builder(&self) -> &'static str {
        if System::of(self.target) == System::MacOs { "build" } else { "zigbuild" }
    }

    /// Folders of this machine and what stands for each. The last one that fits wins, so the most special comes last.
    fn rust_flags(&self) -> Result<OsString> {
        let (home, sysroot) = (cargo::home()?, self.tools.sysroot()?);
        let mut flags = OsString::new();
        for (path, name) in [
            (home.as_path(), "/cargo"),
            (sysroot.as_path(), "/rust"),
            (self.root, "/flaky"),
            (self.target_folder, "/target"),
        ] {
            if !flags.is_empty() {
                flags.push("\u{1f}");
            }
            flags.push("--remap-path-prefix=");
            flags.push(path);
            flags.push("=");
            flags.push(name);
        }
        Ok(flags)
    }

    /// Sources in C are cargo's and what build scripts write.
    fn c_flags(&self) -> Result<OsString> {
        // No panic of Rust's is let through C, and no profiler looks at it.
        let mut flags =
            OsString::from("-fno-unwind-tables -fno-asynchronous-unwind-tables -fomit-frame-pointer");
        for (path, name) in [(cargo::home()?.as_path(), "/cargo"), (self.target_folder, "/target")] {
            // The flags are separated by spaces.
            if path.to_string_lossy().contains(char::is_whitespace) {
                return Err(
                    format!("`{}`: C cannot be built below a path with a space", path.display()).into()
                );
            }
            flags.push(" -ffile-prefix-map=");
            flags.push(path);
            flags.push("=");
            flags.push(name);
        }
        Ok(flags)
    }
}

/// Windows speaks TLS itself; elsewhere OpenSSL comes along.
pub(crate) fn features(package: Package, target: &str) -> Vec<String> {
    match System::of(target) {
        System::Windows => Vec::new(),
        System::Linux | System::MacOs => {
            vec!["--features".to_owned(), format!("{}/vendored-openssl", package.name())]
        }
    }
}
