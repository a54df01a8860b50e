//! `cargo xtask plugins`: the bundled plugins as components.
//!
//! One target folder for all saves building the macros of the SDK for each. Cargo gives modules of local packages
//! no hash in their name, so two packages of one library name would overwrite each other in there: names are
//! unique, because they are those of the folders, and the exports are checked after the build.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use flaky_plugin_kit::Verbosity;
use flaky_plugin_kit::cargo::{self, Build, TARGET, Toolchain};
use flaky_plugin_kit::component::{self, Interfaces};

use crate::dist::{self, Dist, Entry};
use crate::hosted::Hosted;
use crate::{Result, read, say, sources};

/// The contract that the bundled plugins are built for.
const CONTRACT: &str = "0.1.0";

/// What the manifest of a plugin's crate names, and that of a library beside the plugins does not.
const COMPONENT: &str = "\"cdylib\"";

/// Points tests at components other than the committed ones.
const FOLDER_VARIABLE: &str = "FLAKY_PLUGINS_DIST";

/// Builds the plugins of these names, or all, into `plugins/dist`.
pub(crate) fn write(root: &Path, only: &[&str]) -> Result<()> {
    crate::write(&root.join("plugins/sdk/wit/plugin.wit"), &read(&contract(root))?)?;
    let folder = root.join("plugins/dist");
    let manifest = folder.join(dist::MANIFEST);
    let names = names(root)?;
    if let Some(unknown) = only.iter().find(|name| !names.iter().any(|known| known == *name)) {
        return Err(format!("no plugin `{unknown}`: there are {}", names.join(", ")).into());
    }
    let wanted: Vec<String> =
        names.iter().filter(|name| only.is_empty() || only.contains(&name.as_str())).cloned().collect();
    let (mut dist, mut components) = build_all(root, &wanted, Locked::No)?;
    if !only.is_empty() && manifest.is_file() {
        let earlier = Dist::load(&manifest)?;
        let mut packed = earlier.unpack(&folder)?;
        let kept = |name: &String| names.contains(name) && !wanted.contains(name);
        for (name, entry) in earlier.plugins.into_iter().filter(|(name, _)| kept(name)) {
            components.extend(packed.remove_entry(&name));
            dist.plugins.insert(name, entry);
        }
    }
    crate::write(&folder.join(dist::COMPONENTS), &dist.pack(&components)?)?;
    crate::write(&manifest, &dist.to_json()?)
}

/// Fails if the committed components are stale, damaged, or not what their sources give.
pub(crate) fn check(root: &Path) -> Result<()> {
    if read(&contract(root))? != read(&root.join("plugins/sdk/wit/plugin.wit"))? {
        return Err(
            "plugins/sdk/wit/plugin.wit is not wit/0.1.0/plugin.wit\nhint: cargo xtask plugins".into()
        );
    }
    let folder = root.join("plugins/dist");
    let committed = Dist::load(&folder.join(dist::MANIFEST))?;
    compare_committed(root, &folder, &committed)?;
    let (fresh, components) = build_all(root, &names(root)?, Locked::Yes)?;
    if committed == fresh {
        say("the committed components are what these sources give");
        return Ok(());
    }
    if committed.toolchain == fresh.toolchain {
        let differing: Vec<_> = fresh
            .plugins
            .iter()
            .filter(|(name, entry)| committed.plugins.get(*name) != Some(entry))
            .collect();
        return Err(format!(
            "the same sources and toolchain gave other bytes: {:?}\nhint: cargo xtask plugins",
            differing.iter().map(|(name, _)| name).collect::<Vec<_>>()
        )
        .into());
    }
    let built = target_folder(root).join("dist");
    for (name, component) in &components {
        crate::write(&built.join(format!("{name}.wasm")), component)?;
    }
    say(&format!(
        "the committed components are of `{}`, this is `{}`: bytes cannot be compared\n\
         to test the ones just built: {FOLDER_VARIABLE}={} cargo test -p flaky-tests",
        committed.toolchain,
        fresh.toolchain,
        built.display()
    ));
    Ok(())
}

/// Finds what is stale or damaged without building anything.
fn compare_committed(root: &Path, folder: &Path, committed: &Dist) -> Result<()> {
    let names = names(root)?;
    if !names.iter().eq(committed.plugins.keys()) {
        let listed: Vec<_> = committed.plugins.keys().collect();
        return Err(format!(
            "plugins/dist has {listed:?}, plugins/ has {names:?}\nhint: cargo xtask plugins"
        )
        .into());
    }
    let components = committed.unpack(folder)?;
    for (name, entry) in &committed.plugins {
        if components.get(name).map(|component| sources::sha256(component)) != Some(entry.sha256.clone()) {
            return Err(format!("plugins/dist: `{name}` is not the component of the manifest").into());
        }
        if sources::hash(root, &root.join("plugins").join(name))? != entry.source {
            return Err(format!(
                "plugins/dist: `{name}` is stale, its sources changed\nhint: cargo xtask plugins"
            )
            .into());
        }
    }
    Ok(())
}

/// Whether the lock file may be brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Locked {
    Yes,
    No,
}

fn build_all(root: &Path, names: &[String], locked: Locked) -> Result<(Dist, BTreeMap<String, Vec<u8>>)> {
    let toolchain = Toolchain::find()?;
    install_target(&toolchain)?;
    let mut dist = Dist {
        wit_bindgen: wit_bindgen(root)?,
        contract: CONTRACT.to_owned(),
        toolchain: toolchain.version,
        plugins: BTreeMap::new(),
    };
    let mut components = BTreeMap::new();
    let hosted = Hosted::new(&target_folder(root))?;
    for name in names {
        let (entry, component) =
            build(root, name, locked, &hosted).map_err(|error| format!("plugins/{name}: {error}"))?;
        say(&format!("{name}: {} bytes, {}", entry.size, entry.roles.join(", ")));
        dist.plugins.insert(name.clone(), entry);
        components.insert(name.clone(), component);
    }
    Ok((dist, components))
}

/// Installs the WebAssembly target if that can be done.
fn install_target(toolchain: &Toolchain) -> Result<()> {
    if toolchain.has_target() {
        return Ok(());
    }
    say(&format!("the target `{TARGET}` is missing: rustup target add {TARGET}"));
    let installed = Command::new("rustup").args(["target", "add", TARGET]).status();
    if installed.is_ok_and(|status| status.success()) && toolchain.has_target() {
        return Ok(());
    }
    Err(format!(
        "the target `{TARGET}` of `{}` is not installed, and rustup could not add it\n\
         hint: `rustup target add {TARGET}` where the network allows it, or the package of your distribution \
         (Debian: libstd-rust-dev-wasm32). Nothing but building plugins needs it.",
        toolchain.version
    )
    .into())
}

fn build(root: &Path, name: &str, locked: Locked, hosted: &Hosted) -> Result<(Entry, Vec<u8>)> {
    let package = root.join("plugins").join(name);
    let build = Build {
        workspace: root,
        shown_as: "/flaky",
        package: &package,
        profile: "plugin",
        features: &[],
        target_folder: Some(&target_folder(root)),
        locked: locked == Locked::Yes,
        verbosity: Verbosity::Progress,
    };
    let component = component::encode(&read(&build.run()?)?)?;
    let entry = Entry {
        sha256: sources::sha256(&component),
        size: component.len() as u64,
        source: sources::hash(root, &package)?,
        roles: Interfaces::of(&component)?.bundled_roles(CONTRACT)?,
        manifest: hosted.load(name, component.clone())?.manifest().clone(),
    };
    if entry.manifest.name != name {
        return Err(
            format!("it calls itself `{}`: a plugin is named as its folder", entry.manifest.name).into()
        );
    }
    Ok((entry, component))
}

/// The bundled plugins, in alphabetical order.
fn names(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join("plugins"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Not every folder is a crate.
        let manifest = std::fs::read_to_string(entry.path().join("Cargo.toml")).unwrap_or_default();
        if manifest.contains(COMPONENT) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Where the contract stands.
pub(crate) fn contract_folder(root: &Path) -> PathBuf {
    root.join("wit").join(CONTRACT)
}

fn contract(root: &Path) -> PathBuf {
    contract_folder(root).join("plugin.wit")
}

/// Where components are built.
pub(crate) fn target_folder(root: &Path) -> PathBuf {
    crate::target_folder(root).join("plugins")
}

/// The version of the bindings' generator, from the lock file by way of cargo.
fn wit_bindgen(root: &Path) -> Result<String> {
    let tree = cargo::dependencies(&root.join("plugins/sdk"))?;
    let line = tree
        .lines()
        .find_map(|line| line.strip_prefix("wit-bindgen v"))
        .ok_or("the SDK has no wit-bindgen")?;
    Ok(line.split(['|', ' ']).next().unwrap_or(line).to_owned())
}
