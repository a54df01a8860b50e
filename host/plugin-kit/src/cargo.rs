//! Calls of cargo and rustc for the WebAssembly target: for authors in Rust, and for the bundled plugins.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::language::{BuildError, Verbosity};
use crate::process::{CommandError, output};

/// The target that components are built for. It has no WASI: a plugin has nothing to ask an operating system for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// What builds components: the same toolchain gives the same bytes.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// `rustc --version`.
    pub version: String,
    sysroot: PathBuf,
}

impl Toolchain {
    /// The toolchain in use.
    ///
    /// # Errors
    /// When there is no `rustc`.
    pub fn find() -> Result<Self, CommandError> {
        let version = output(rustc().arg("--version"))?;
        let sysroot = PathBuf::from(output(rustc().args(["--print", "sysroot"]))?);
        Ok(Self { version, sysroot })
    }

    /// Whether it can build for [`TARGET`].
    #[must_use]
    pub fn has_target(&self) -> bool {
        self.sysroot.join("lib/rustlib").join(TARGET).is_dir()
    }
}

/// One build of a package for the WebAssembly target.
#[derive(Debug)]
pub struct Build<'a> {
    /// Absolute folder of the package's workspace: its path must not show in the result.
    pub workspace: &'a Path,
    /// What stands for it there, e.g. `/flaky`.
    pub shown_as: &'a str,
    /// Absolute folder of the package.
    pub package: &'a Path,
    /// Profile of cargo.
    pub profile: &'a str,
    /// Features to turn on.
    pub features: &'a [String],
    /// Where cargo puts what it builds; `None` leaves it to cargo.
    pub target_folder: Option<&'a Path>,
    /// Whether a lock file that is not up to date is an error.
    pub locked: bool,
    /// What cargo says meanwhile.
    pub verbosity: Verbosity,
}

impl Build<'_> {
    /// Builds the library and gives the core module's path.
    ///
    /// # Errors
    /// When cargo fails, or makes no module.
    pub fn run(&self) -> Result<PathBuf, BuildError> {
        let manifest = self.package.join("Cargo.toml");
        let mut command = cargo();
        command
            .current_dir(self.workspace)
            .args(["build", "--lib", "--target", TARGET, "--message-format", "json-render-diagnostics"])
            .args(["--profile", self.profile])
            .arg("--manifest-path")
            .arg(&manifest)
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags()?)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_BUILD_RUSTC_WRAPPER")
            .stderr(Stdio::inherit());
        if let Some(folder) = self.target_folder {
            command.arg("--target-dir").arg(folder);
        }
        if self.verbosity == Verbosity::Errors {
            command.arg("--quiet");
        }
        if self.locked {
            command.arg("--locked");
        }
        if !self.features.is_empty() {
            command.arg("--features").arg(self.features.join(","));
        }
        let messages = output(&mut command)?;
        module_of(&manifest, &messages)
    }

    /// Vector instructions: hosts have had them for years, and searching for the next line or tag is most of what
    /// parsers do. No path of this machine may get into the component: neither the sources' nor those of the
    /// registry and the toolchain.
    fn flags(&self) -> Result<OsString, BuildError> {
        let home = home().ok_or_else(|| BuildError::Missing {
            what: "a home folder, or the variable `CARGO_HOME`".into(),
            bring: "set `CARGO_HOME`".into(),
        })?;
        let mut flags = OsString::from("-Ctarget-feature=+simd128");
        // The last one that fits wins, so the most special comes last.
        for (path, name) in [(home.as_path(), "/cargo"), (self.workspace, self.shown_as)] {
            flags.push("\u{1f}--remap-path-prefix=");
            flags.push(path);
            flags.push("=");
            flags.push(name);
        }
        Ok(flags)
    }
}

/// The module that cargo says it made for the package, which need not be the only one in the folder.
fn module_of(manifest: &Path, messages: &str) -> Result<PathBuf, BuildError> {
    let wrong = |why: String, hint: Option<&str>| BuildError::Result {
        path: manifest.to_owned(),
        why,
        hint: hint.map(str::to_owned),
    };
    for line in messages.lines() {
        let message: serde_json::Value = serde_json::from_str(line)
            .map_err(|e| wrong(format!("cargo's messages are not JSON: {e}"), None))?;
        let is_artifact = message["reason"] == "compiler-artifact";
        if !is_artifact || message["manifest_path"].as_str().map(Path::new) != Some(manifest) {
            continue;
        }
        let files = message["filenames"].as_array().into_iter().flatten().filter_map(|file| file.as_str());
        if let Some(module) =
            files.map(PathBuf::from).find(|file| file.extension().is_some_and(|e| e == "wasm"))
        {
            return Ok(module);
        }
    }
    Err(wrong(
        "no module was built".into(),
        Some("write `crate-type = [\"cdylib\", \"rlib\"]` below `[lib]`"),
    ))
}

/// Every package that a build of `package` needs, one a line: name, version, features. Local ones have their
/// folder, in brackets, at the end.
///
/// # Errors
/// When cargo fails.
pub fn dependencies(package: &Path) -> Result<String, CommandError> {
    output(
        cargo()
            .args(["tree", "--edges", "normal,build", "--prefix", "none", "--target", TARGET])
            .args(["--format", "{p}|{f}", "--manifest-path"])
            .arg(package.join("Cargo.toml")),
    )
}

/// Name of the package whose manifest this is.
///
/// # Errors
/// When cargo fails, or knows no such package.
pub fn package_name(package: &Path) -> Result<String, BuildError> {
    let manifest = package.join("Cargo.toml");
    let text = output(
        cargo()
            .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
            .arg(&manifest)
            .stderr(Stdio::inherit()),
    )?;
    let metadata: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut own = packages.filter(|p| p["manifest_path"].as_str().map(Path::new) == Some(&manifest));
    own.next().and_then(|p| p["name"].as_str()).map(str::to_owned).ok_or_else(|| BuildError::Result {
        path: manifest,
        why: "it has no package".into(),
        hint: None,
    })
}

/// Cargo's own folder: the sources of crates are there.
#[must_use]
pub fn home() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

/// The cargo that called us, or that of the path.
#[must_use]
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}
