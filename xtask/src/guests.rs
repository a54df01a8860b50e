//! `cargo xtask plugins --guests`: components that the tests load, hostile ones among them.
//!
//! Every folder of `tests/guests` with a manifest is a package and a workspace of its own. It is built once, or
//! once for each name in its manifest's `[package.metadata.flaky] variants = ["NAME", …]`, a variant being the
//! feature of that name. What they export is not checked: some are wrong on purpose.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::cargo::{self, Build, Toolchain};
use crate::{Mode, Result, component, plugins, read, say, sources, write};

/// Hash of the sources by file name, `manifest.json` beside the components.
type Sources = BTreeMap<String, String>;

pub(crate) fn run(root: &Path, mode: Mode) -> Result<()> {
    let folder = root.join("tests/guests");
    let dist = folder.join("dist");
    let mut wanted = Sources::new();
    let mut builds = Vec::new();
    for package in packages(&folder)? {
        let (name, variants) = variants(&package)?;
        let hash = sources::hash(&package, &package)?;
        for variant in variants {
            let file =
                if variant.is_empty() { format!("{name}.wasm") } else { format!("{name}-{variant}.wasm") };
            wanted.insert(file.clone(), hash.clone());
            builds.push((package.clone(), variant, file));
        }
    }
    let manifest = dist.join("manifest.json");
    if mode == Mode::Check {
        let there: Sources = serde_json::from_slice(&read(&manifest)?)?;
        let stale: Vec<_> = wanted.iter().filter(|(file, hash)| there.get(*file) != Some(hash)).collect();
        let missing = wanted.keys().any(|file| !dist.join(file).is_file());
        return if stale.is_empty() && !missing && there.len() == wanted.len() {
            Ok(())
        } else {
            Err("tests/guests/dist is stale\nhint: cargo xtask plugins --guests".into())
        };
    }
    Toolchain::find()?;
    for (package, variant, file) in builds {
        let component = build(root, &package, &variant).map_err(|error| format!("{file}: {error}"))?;
        say(&format!("{file}: {} bytes", component.len()));
        write(&dist.join(file), &component)?;
    }
    let mut json = serde_json::to_vec_pretty(&wanted)?;
    json.push(b'\n');
    write(&manifest, &json)
}

fn packages(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut packages = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        if path.join("Cargo.toml").is_file() {
            packages.push(path);
        }
    }
    packages.sort();
    Ok(packages)
}

/// The package's folder name and its variants, one without a name if it lists none.
fn variants(package: &Path) -> Result<(String, Vec<String>)> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(package.join("Cargo.toml"));
    let metadata: serde_json::Value = serde_json::from_str(&cargo::output(&mut command)?)?;
    let listed =
        metadata["packages"][0]["metadata"]["flaky"]["variants"].as_array().cloned().unwrap_or_default();
    let mut variants: Vec<String> =
        listed.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
    if variants.is_empty() {
        variants.push(String::new());
    }
    let name = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, variants))
}

fn build(root: &Path, package: &Path, variant: &str) -> Result<Vec<u8>> {
    let features: &[String] = if variant.is_empty() { &[] } else { &[variant.to_owned()] };
    let target_folder = plugins::target_folder(root).with_file_name("guests");
    // Variants of one package have one file name in there: without this, cargo may hand out the one built before.
    let mut clean = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    clean
        .args(["clean", "--quiet", "--release", "--target", cargo::TARGET, "--target-dir"])
        .arg(&target_folder);
    clean.arg("--manifest-path").arg(package.join("Cargo.toml")).arg("--package").arg(package_name(package)?);
    cargo::output(&mut clean)?;
    let build = Build {
        workspace: package,
        package,
        profile: "release",
        features,
        target_folder: &target_folder,
        locked: false,
    };
    component::encode(&read(&build.run()?)?)
}

fn package_name(package: &Path) -> Result<String> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(package.join("Cargo.toml"));
    let metadata: serde_json::Value = serde_json::from_str(&cargo::output(&mut command)?)?;
    Ok(metadata["packages"][0]["name"].as_str().ok_or("a package without a name")?.to_owned())
}
