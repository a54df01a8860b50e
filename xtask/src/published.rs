//! `cargo xtask packages`: whether what is published as crates could be.
//!
//! That is the SDK, and the program with the crates it is built from. Those promise nobody an interface (`host/README.md`), but
//! without them `cargo install flaky` would not work. What is in a package is compiled from it only before a release
//! (`.ci/release/packages.sh`), for it means to compile wasmtime once more; here it is packed, and what it takes in has to be in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::{Result, cargo, read, say};

/// What is published for its own sake.
const WANTED: [&str; 2] = ["flaky", "flaky-plugin-sdk"];

/// What the registry wants to be told, and people look for.
const FIELDS: [&str; 5] = ["description", "license", "repository", "readme", "rust_version"];

/// Files that every package has to have.
const FILES: [&str; 4] = ["Cargo.toml", "README.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// Macros that take files in.
const INCLUDES: [&str; 2] = ["include_str!(", "include_bytes!("];

/// What stands before a path that begins at the crate's folder: put together by a macro, or the contract's for bindings.
const OF_THE_CRATE: [&str; 2] = ["env!(\"CARGO_MANIFEST_DIR\"), \"/", "path: \""];

/// What stands after it, at the end of a file, is compiled for tests alone, which are not made from a package.
const TESTS: &str = "\n#[cfg(test)]\nmod tests {";

/// A crate that is published.
struct Crate {
    name: String,
    folder: PathBuf,
}

pub(crate) fn check(root: &Path) -> Result<()> {
    let crates = published(&metadata(root)?)?;
    for one in &crates {
        let files = one.files(root)?;
        let lacks: Vec<String> = one.lacks(&files)?;
        if !lacks.is_empty() {
            return Err(format!("{}: the package would be without\n{}", one.name, lacks.join("\n")).into());
        }
        say(&format!("{}: {} files", one.name, files.len()));
    }
    // All at once: each is packed with the others that it needs, as if they were in the registry already.
    let mut command = packing(root);
    command.args(["--quiet", "--no-verify"]);
    cargo::output(command.args(crates.iter().flat_map(|one| ["--package", &one.name])))?;
    Ok(())
}

fn metadata(root: &Path) -> Result<Value> {
    let mut command = cargo::cargo();
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    Ok(serde_json::from_str(&cargo::output(command.current_dir(root))?)?)
}

fn packing(root: &Path) -> std::process::Command {
    let mut command = cargo::cargo();
    command.args(["package", "--locked", "--offline", "--allow-dirty"]).current_dir(root);
    command
}

/// What is wanted, with what it needs. Fails if that and what the manifests allow are not the same.
fn published(metadata: &Value) -> Result<Vec<Crate>> {
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let by_name: BTreeMap<String, &Value> = packages.iter().map(|package| (name(package), package)).collect();
    let mut needed = BTreeSet::new();
    let mut left: Vec<String> = WANTED.map(str::to_owned).to_vec();
    while let Some(next) = left.pop() {
        let Some(package) = by_name.get(&next) else { continue };
        let needs = package["dependencies"].as_array().into_iter().flatten();
        let shipped = needs.filter(|need| need["kind"] != "dev" && !need["path"].is_null());
        if needed.insert(next) {
            left.extend(shipped.map(name));
        }
    }
    for (name, package) in &by_name {
        let open = !package["publish"].as_array().is_some_and(Vec::is_empty);
        if open != needed.contains(name) {
            return Err(
                format!("{name}: `publish = {open}`, and what is published needs it otherwise").into()
            );
        }
        if let Some(missing) = FIELDS.iter().find(|field| open && package[**field].is_null()) {
            return Err(format!("{name}: Cargo.toml says no {missing}").into());
        }
    }
    let folder = |name: &str| {
        let manifest = by_name.get(name).and_then(|package| package["manifest_path"].as_str());
        manifest.and_then(|path| Path::new(path).parent()).map(Path::to_owned)
    };
    let found = needed.into_iter().filter_map(|name| folder(&name).map(|folder| Crate { name, folder }));
    Ok(found.collect())
}

impl Crate {
    /// The files of the package, relative to it.
    fn files(&self, root: &Path) -> Result<BTreeSet<PathBuf>> {
        let listed = cargo::output(packing(root).args(["--list", "--package", &self.name]))?;
        Ok(listed.lines().map(PathBuf::from).collect())
    }

    /// What is not in the package and would be missed there, a line each.
    fn lacks(&self, files: &BTreeSet<PathBuf>) -> Result<Vec<String>> {
        let wanted = FILES.iter().filter(|file| !files.contains(Path::new(file)));
        let mut lacks: Vec<String> = wanted.map(|file| format!("  {file}")).collect();
        for source in files.iter().filter(|file| is_shipped_source(file)) {
            let text = String::from_utf8(read(&self.folder.join(source))?)?;
            let taken = taken_in(&text, source).into_iter().filter(|path| !files.contains(path));
            lacks.extend(
                taken.map(|path| format!("  {}, which {} takes in", path.display(), source.display())),
            );
        }
        Ok(lacks)
    }
}

/// Whether a file is compiled from the package, which tests are not.
fn is_shipped_source(file: &Path) -> bool {
    let of_tests = file.file_stem().is_some_and(|stem| stem == "tests");
    file.extension().is_some_and(|ending| ending == "rs") && !of_tests
}

/// The files that a source names as it takes them in, but for its tests, relative to the package. Of a path that
/// begins at the crate's folder, only that it leaves the folder is seen.
fn taken_in(text: &str, source: &Path) -> Vec<PathBuf> {
    let text = text.split(TESTS).next().unwrap_or_default();
    let beside = source.parent().unwrap_or(Path::new(""));
    let literals = INCLUDES.iter().flat_map(|include| text.split(include).skip(1));
    let literals = literals.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    let of_the_crate = OF_THE_CRATE.iter().flat_map(|before| text.split(before).skip(1));
    let leaving = of_the_crate.filter_map(|rest| rest.split('"').next());
    let leaving = leaving.filter(|path| path.starts_with("..")).map(PathBuf::from);
    literals.map(|path| plain(&beside.join(path))).chain(leaving).collect()
}

/// Without `..` where a folder stands before it.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut so_far, part| {
        match part {
            Component::ParentDir if so_far.file_name().is_some() => {
                so_far.pop();
            }
            other => so_far.push(other),
        }
        so_far
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_source_takes_in_is_found_and_what_lies_outside_as_well() {
        let source = Path::new("src/assets/page.rs");
        for (text, expected) in [
            ("include_str!(\"page.html\")", vec!["src/assets/page.html"]),
            ("include_bytes!(\n    \"../../bundled/a.zst\")", vec!["bundled/a.zst"]),
            ("include_str!(\"../../../other/a.txt\")", vec!["../other/a.txt"]),
            ("bindgen!({ path: \"../../wit/0.1.0\", world: \"plugin\" })", vec!["../../wit/0.1.0"]),
            ("\n#[cfg(test)]\nmod tests {\n    include_str!(\"../a.txt\")", vec![]),
            ("include_str!(concat!(env!(\"OUT_DIR\"), \"/a.yml\"))", vec![]),
            ("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/templates/\", $path)", vec![]),
            ("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../../sdks/\", $path)", vec!["../../sdks/"]),
        ] {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(taken_in(text, source), expected, "{text}");
        }
    }

    #[test]
    fn the_program_is_published_with_what_it_needs_and_nothing_else() {
        let metadata = metadata(&crate::root().unwrap()).unwrap();
        let names = |crates: Vec<Crate>| crates.into_iter().map(|one| one.name).collect::<Vec<_>>();
        let found = names(published(&metadata).unwrap());
        assert!(WANTED.iter().all(|wanted| found.iter().any(|name| name == wanted)), "{found:?}");
        assert!(!found.iter().any(|name| name == "xtask" || name == "flaky-plugin-testing"), "{found:?}");
        for (at, package) in metadata["packages"].as_array().unwrap().iter().enumerate() {
            let open = !package["publish"].as_array().is_some_and(Vec::is_empty);
            let mut other = metadata.clone();
            other["packages"][at]["publish"] = if open { serde_json::json!([]) } else { Value::Null };
            assert!(published(&other).is_err(), "{}", package["name"]);
        }
    }
}
