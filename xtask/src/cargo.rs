//! Calls of cargo and rustc for the WebAssembly target.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Result, say};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// What builds components: the same toolchain gives the same bytes.
pub(crate) struct Toolchain {
    /// `rustc --version`.
    pub(crate) version: String,
    sysroot: PathBuf,
}

impl Toolchain {
    /// The toolchain in use, with the WebAssembly target installed if that can be done.
    pub(crate) fn find() -> Result<Self> {
        let version = output(rustc().arg("--version"))?;
        let sysroot = PathBuf::from(output(rustc().args(["--print", "sysroot"]))?);
        let toolchain = Self { version, sysroot };
        toolchain.install_target()?;
        Ok(toolchain)
    }

    fn has_target(&self) -> bool {
        self.sysroot.join("lib/rustlib").join(TARGET).is_dir()
    }

    fn install_target(&self) -> Result<()> {
        if self.has_target() {
            return Ok(());
        }
        say(&format!("the target `{TARGET}` is missing: rustup target add {TARGET}"));
        let installed = Command::new("rustup").args(["target", "add", TARGET]).status();
        if installed.is_ok_and(|status| status.success()) && self.has_target() {
            return Ok(());
        }
        Err(format!(
            "the target `{TARGET}` of `{}` is not installed, and rustup could not add it\n\
             hint: `rustup target add {TARGET}` where the network allows it, or the package of your distribution \
             (Debian: libstd-rust-dev-wasm32). Nothing but building plugins needs it.",
            self.version
        )
        .into())
    }
}

/// One build of a package for the WebAssembly target.
pub(crate) struct Build<'a> {
    /// Folder of the package's workspace: its path must not show in the result.
    pub(crate) workspace: &'a Path,
    /// Folder of the package.
    pub(crate) package: &'a Path,
    pub(crate) profile: &'a str,
    pub(crate) features: &'a [String],
    pub(crate) target_folder: &'a Path,
    pub(crate) locked: bool,
}

impl Build<'_> {
    /// Builds the library and gives the core module's path.
    pub(crate) fn run(&self) -> Result<PathBuf> {
        let manifest = self.package.join("Cargo.toml");
        let mut command = cargo();
        command
            .current_dir(self.workspace)
            .args(["build", "--lib", "--target", TARGET, "--message-format", "json-render-diagnostics"])
            .args(["--profile", self.profile])
            .arg("--manifest-path")
            .arg(&manifest)
            .arg("--target-dir")
            .arg(self.target_folder)
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags()?)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_BUILD_RUSTC_WRAPPER")
            .stderr(Stdio::inherit());
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
    /// parsers do. No path of this machine may get into the component: neither the checkout's nor those of the
    /// registry and the toolchain.
    fn flags(&self) -> Result<OsString> {
        let home = home()?;
        let mut flags = OsString::from("-Ctarget-feature=+simd128");
        // The last one that fits wins, so the most special comes last.
        for (path, name) in [(home.as_path(), "/cargo"), (self.workspace, "/flaky")] {
            flags.push("\u{1f}--remap-path-prefix=");
            flags.push(path);
            flags.push("=");
            flags.push(name);
        }
        Ok(flags)
    }
}

/// The module that cargo says it made for the package, which need not be the only one in the folder.
fn module_of(manifest: &Path, messages: &str) -> Result<PathBuf> {
    for line in messages.lines() {
        let message: serde_json::Value = serde_json::from_str(line)?;
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
    Err(format!("{}: no module was built\nhint: `crate-type = [\"cdylib\", \"rlib\"]`", manifest.display())
        .into())
}

/// Every package that a build of `package` needs, one a line: name, version, features. Local ones have their
/// folder, in brackets, at the end.
pub(crate) fn dependencies(package: &Path) -> Result<String> {
    output(
        cargo()
            .args(["tree", "--edges", "normal,build", "--prefix", "none", "--target", TARGET])
            .args(["--format", "{p}|{f}", "--manifest-path"])
            .arg(package.join("Cargo.toml")),
    )
}

/// The standard output of a command that has to succeed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    command.stdout(Stdio::piped());
    let output = command
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(|error| format!("`{}`: {error}", command.get_program().display()))?;
    if !output.status.success() {
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        let line = format!("{} {}", command.get_program().display(), arguments.join(" "));
        return Err(format!("`{line}` failed: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

/// The cargo that runs this task.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The cargo that `RUSTUP_TOOLCHAIN` chooses, which the one that runs this task does not heed.
pub(crate) fn through_rustup() -> Command {
    let mut command = Command::new("cargo");
    command.env_remove("CARGO").env_remove("RUSTC");
    command
}

/// Cargo's own folder: the sources of crates are there.
pub(crate) fn home() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    home.ok_or_else(|| "neither `CARGO_HOME` nor a home folder is known".into())
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}
