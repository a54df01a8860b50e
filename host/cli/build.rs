//! Takes the workflows of `examples/github` in as `flaky init` writes them: with the action by the version of this program.
//! `workflows` is a link to them, so that the package has them.
//! Leaves out of a released program what only unwinding reads.
//!
//! The examples name the action by a commit. That commit holds the checksum of this program, so the program cannot name it.

use std::path::Path;

const FOLDER: &str = "workflows";
const ACTION: &str = "uses: flaky-rs/flaky@";
/// Hexadecimal digits of a commit.
const COMMIT: usize = 40;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let into = std::env::var("OUT_DIR")?;
    for name in ["flaky-after-ci", "flaky-report", "flaky-nightly", "flaky-gate"] {
        let path = Path::new(FOLDER).join(name).with_extension("yml");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        std::fs::write(Path::new(&into).join(name).with_extension("yml"), by_version(&text)?)?;
    }
    let ci = std::fs::read_to_string(Path::new(FOLDER).join("ci-with-attempts.yml"))?;
    std::fs::write(Path::new(&into).join("attempts.yml"), by_version(attempts(&ci)?)?)?;
    leave_out_frames()
}

/// The job that is to be put into a repository's own workflow: the last of its example.
fn attempts(ci: &str) -> Result<&str, &'static str> {
    let at = ci.find("\n  attempts:\n").ok_or("ci-with-attempts.yml has no job `attempts`")?;
    Ok(ci.get(at + 1..).unwrap_or_default())
}

/// Set by `cargo xtask dist`, whose profile ends the program at a panic: cargo does not tell build scripts.
const NOTHING_UNWINDS: &str = "FLAKY_NOTHING_UNWINDS";

fn leave_out_frames() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-env-changed={NOTHING_UNWINDS}");
    if std::env::var_os(NOTHING_UNWINDS).is_some() {
        let script = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("no-frames.ld");
        println!("cargo::rerun-if-changed={}", script.display());
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
    }
    Ok(())
}

/// `uses: flaky-rs/flaky@COMMIT # v1.2.3` becomes `uses: flaky-rs/flaky@v1.2.3`.
fn by_version(text: &str) -> Result<String, &'static str> {
    let mut parts = text.split(ACTION);
    let mut changed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let version = part.get(COMMIT..).and_then(|rest| rest.strip_prefix(" # "));
        changed.push_str(ACTION);
        changed.push_str(
            version.ok_or("an example names the action by something else than a commit and a version")?,
        );
    }
    Ok(changed)
}
