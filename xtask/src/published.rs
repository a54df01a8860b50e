//! `cargo xtask packages`: whether what is published as a package could be.
//!
//! That is the SDK alone. The program is not: it would need its seven crates and all bundled plugins there, under names that
//! promise a stable interface to others, and whoever installed it so would wait for wasmtime to compile.

use std::path::Path;

use serde_json::Value;

use crate::{Result, cargo, say};

/// Crates that are published.
const CRATES: [&str; 1] = ["flaky-plugin-sdk"];

/// What the registry wants to be told, and people look for.
const FIELDS: [&str; 5] = ["description", "license", "repository", "readme", "rust_version"];

/// Files that a package would not be usable without.
const FILES: [&str; 5] = ["Cargo.toml", "README.md", "src/lib.rs", "wit/plugin.wit", "LICENSE-MIT"];

pub(crate) fn check(root: &Path) -> Result<()> {
    let told = cargo::output(cargo::cargo().current_dir(root).args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ]))?;
    let metadata: Value = serde_json::from_str(&told)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let open = !package["publish"].as_array().is_some_and(Vec::is_empty);
        if open != CRATES.contains(&name) {
            return Err(format!(
                "{name}: `publish = {open}`, and the list of what is published says otherwise"
            )
            .into());
        }
        if let Some(missing) = FIELDS.iter().find(|field| open && package[**field].is_null()) {
            return Err(format!("{name}: Cargo.toml says no {missing}").into());
        }
    }
    CRATES.iter().try_for_each(|name| pack(root, name))
}

/// Packs a crate as `cargo publish` does, without a network and without building it again.
fn pack(root: &Path, name: &str) -> Result<()> {
    let package = |more: &[&str]| {
        let mut command = cargo::cargo();
        command.current_dir(root).args([
            "package",
            "--locked",
            "--offline",
            "--no-verify",
            "--allow-dirty",
            "--package",
            name,
        ]);
        cargo::output(command.args(more))
    };
    let files = package(&["--list"])?;
    if let Some(missing) = FILES.iter().find(|file| !files.lines().any(|line| line == **file)) {
        return Err(format!("{name}: the package would be without {missing}").into());
    }
    package(&["--quiet"])?;
    say(&format!("{name}: {} files", files.lines().count()));
    Ok(())
}
