//! What is in a program: the crates that cargo links into it and into the bundled plugins, and libraries in C.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Package;
use crate::{Result, cargo, read};

/// Crates that bring a library in C along. Its version stands behind the `+` of theirs, where they say it.
const LIBRARIES: &[(&str, &str)] = &[
    ("libgit2-sys", "libgit2"),
    ("libssh2-sys", "libssh2"),
    ("libz-sys", "zlib"),
    ("openssl-src", "openssl"),
    ("zstd-sys", "zstd"),
];

/// A crate, by its name and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: Option<String>,
    pub(crate) repository: Option<String>,
    /// Where its sources are.
    pub(crate) folder: PathBuf,
    /// SHA-256 of its package; none for our own.
    pub(crate) checksum: Option<String>,
    /// Keys of what it needs.
    pub(crate) dependencies: BTreeSet<String>,
}

/// A library in C.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Library {
    pub(crate) name: &'static str,
    pub(crate) version: Option<String>,
    /// The crate that builds it.
    pub(crate) from: String,
}

#[derive(Debug, Default)]
pub(crate) struct Packages {
    /// By name and version, as `key` writes them.
    pub(crate) crates: BTreeMap<String, Crate>,
    pub(crate) libraries: Vec<Library>,
}

pub(crate) fn key(name: &str, version: &str) -> String {
    format!("{name}@{version}")
}

/// All that is in the program of a package.
pub(crate) fn of(root: &Path, package: Package, target: &str) -> Result<Packages> {
    let name = package.name();
    let features = super::build::features(package, target);
    let mut arguments = vec!["--package", name, "--target", target];
    arguments.extend(features.iter().map(String::as_str));
    let mut wanted = linked(root, &arguments)?;
    let plugins = plugins(root)?;
    let mut arguments = vec!["--target", cargo::TARGET];
    arguments.extend(plugins.iter().flat_map(|plugin| ["--package", plugin]));
    wanted.extend(linked(root, &arguments)?);
    let mut metadata = cargo::cargo();
    metadata.current_dir(root).args(["metadata", "--locked", "--format-version", "1"]).args(&features);
    let metadata = cargo::output(&mut metadata)?;
    let checksums = checksums(&String::from_utf8(read(&root.join("Cargo.lock"))?)?);
    choose(&serde_json::from_str(&metadata)?, &wanted, &checksums)
}

/// Names of the bundled plugins' crates.
fn plugins(root: &Path) -> Result<Vec<String>> {
    let manifest: Value = serde_json::from_slice(&read(&root.join("plugins/dist/manifest.json"))?)?;
    let plugins = manifest["plugins"].as_object().ok_or("plugins/dist/manifest.json names no plugins")?;
    Ok(plugins.keys().map(|name| format!("flaky-plugin-{name}")).collect())
}

/// Keys of what cargo links: no build scripts, no macros.
fn linked(root: &Path, arguments: &[&str]) -> Result<BTreeSet<String>> {
    let mut tree = cargo::cargo();
    tree.current_dir(root).args(["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none"]);
    let told = cargo::output(tree.args(["--format", "{p}"]).args(arguments))?;
    let key_of = |line: &str| {
        let mut words = line.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        Some(key(name, version))
    };
    told.lines()
        .filter(|line| !line.is_empty())
        .map(|line| key_of(line).ok_or_else(|| format!("`{line}` of cargo tree").into()))
        .collect()
}

/// SHA-256 of packages, by key, from the lock file.
fn checksums(lock: &str) -> BTreeMap<String, String> {
    let field = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    lock.split("[[package]]")
        .filter_map(|package| {
            Some((key(&field(package, "name")?, &field(package, "version")?), field(package, "checksum")?))
        })
        .collect()
}

/// What is wanted of the metadata.
fn choose(
    metadata: &Value,
    wanted: &BTreeSet<String>,
    checksums: &BTreeMap<String, String>,
) -> Result<Packages> {
    let mut found = Packages::default();
    let mut keys = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let one = Crate::read(package).ok_or("a package without name, version or manifest")?;
        let key = key(&one.name, &one.version);
        keys.insert(package["id"].as_str().unwrap_or_default(), key.clone());
        // OpenSSL's sources are a crate that nothing but a build script needs.
        if !wanted.contains(&key) && one.name != "openssl-src" {
            continue;
        }
        if let Some((_, library)) = LIBRARIES.iter().find(|(of, _)| *of == one.name) {
            let version =
                one.version.split_once('+').map(|(_, of)| of.trim_start_matches("zstd.").to_owned());
            found.libraries.push(Library { name: library, version, from: key.clone() });
        }
        found.crates.insert(key.clone(), Crate { checksum: checksums.get(&key).cloned(), ..one });
    }
    let missing: Vec<_> = wanted.iter().filter(|key| !found.crates.contains_key(*key)).collect();
    if !missing.is_empty() {
        return Err(format!("cargo metadata does not know {missing:?}").into());
    }
    for node in metadata["resolve"]["nodes"].as_array().into_iter().flatten() {
        let Some(key) = node["id"].as_str().and_then(|id| keys.get(id)) else { continue };
        let needed = needed(node, &keys).filter(|key| found.crates.contains_key(*key)).cloned().collect();
        if let Some(one) = found.crates.get_mut(key) {
            one.dependencies = needed;
        }
    }
    Ok(found)
}

/// Keys of what a package links.
fn needed<'a>(node: &'a Value, keys: &'a BTreeMap<&str, String>) -> impl Iterator<Item = &'a String> {
    let linked = |edge: &&Value| {
        edge["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k["kind"].is_null()))
    };
    node["deps"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(linked)
        .filter_map(|edge| keys.get(edge["pkg"].as_str()?))
}

impl Crate {
    fn read(package: &Value) -> Option<Self> {
        let text = |field: &str| package[field].as_str().map(str::to_owned);
        Some(Self {
            name: text("name")?,
            version: text("version")?,
            licence: text("license"),
            repository: text("repository"),
            folder: Path::new(package["manifest_path"].as_str()?).parent()?.to_owned(),
            checksum: None,
            dependencies: BTreeSet::new(),
        })
    }
}
