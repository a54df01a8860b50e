//! Who may depend on whom, as ARCHITECTURE.md says; read from `cargo metadata`.
#![expect(clippy::expect_used, reason = "what cannot be read fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Every crate of the workspace and what it may depend on among ours. Development dependencies are free: tests may
/// know everything.
const ALLOWED: &[(&str, &[&str])] = &[
    ("flaky-core", &[]),
    ("flaky-files", &[]),
    ("flaky-config", &["flaky-core"]),
    ("flaky-exec", &["flaky-core", "flaky-files"]),
    ("flaky-plugin-host", &["flaky-core", "flaky-files"]),
    ("flaky-plugin-kit", &["flaky-core", "flaky-plugin-host"]),
    ("flaky-runpod", &["flaky-core", "flaky-files"]),
    ("flaky-delivery", &["flaky-core", "flaky-files"]),
    ("flaky-history", &["flaky-core"]),
    ("flaky-dashboard", &["flaky-core", "flaky-history"]),
    ("flaky-plugin-registry", &["flaky-core", "flaky-files"]),
    (
        "flaky-engine",
        &["flaky-core", "flaky-files", "flaky-config", "flaky-exec", "flaky-plugin-host", "flaky-runpod"],
    ),
    (
        "flaky",
        &[
            "flaky-core",
            "flaky-files",
            "flaky-config",
            "flaky-exec",
            "flaky-plugin-host",
            "flaky-plugin-kit",
            "flaky-runpod",
            "flaky-engine",
            "flaky-delivery",
            "flaky-plugin-registry",
            "flaky-history",
            "flaky-dashboard",
        ],
    ),
    (
        "flaky-worker",
        &["flaky-core", "flaky-config", "flaky-exec", "flaky-plugin-host", "flaky-runpod", "flaky-engine"],
    ),
    ("flaky-plugin-sdk", &[]),
    ("flaky-plugin-testing", &["flaky-plugin-sdk"]),
    (
        "xtask",
        &[
            "flaky-core",
            "flaky-config",
            "flaky-plugin-host",
            "flaky-plugin-kit",
            "flaky-plugin-registry",
            "flaky-plugin-testing",
        ],
    ),
];

/// Weighty libraries and the rooms that may know each.
const KEPT_IN: &[(&str, &[&str])] = &[
    ("wasmtime", &["flaky-plugin-host"]),
    ("wasmtime-wasi", &["flaky-plugin-host"]),
    ("wit-component", &["flaky-plugin-kit", "xtask"]),
    ("wit-parser", &["flaky-plugin-kit", "xtask"]),
    ("git2", &["flaky-exec"]),
    // Processes; owners and kinds of files; limits of a child; the worker's place.
    ("nix", &["flaky-exec", "flaky-files", "flaky-plugin-host", "flaky-worker"]),
    ("serde-saphyr", &["flaky-config"]),
    ("statrs", &["flaky-core"]),
    ("clap", &["flaky", "flaky-worker"]),
    ("reqwest", &["flaky-runpod", "flaky-worker", "flaky-delivery", "flaky-plugin-registry"]),
    ("toml", &["flaky-plugin-registry"]),
    ("sqlx", &["flaky-history"]),
    // Shards on their way in one, bundled components in the others.
    ("zstd", &["flaky-runpod", "flaky-engine", "xtask"]),
    // Local folders on their way to a worker in one, archives of releases in the other.
    ("tar", &["flaky-runpod", "xtask"]),
    ("flate2", &["xtask"]),
    ("ignore", &["flaky-runpod"]),
];

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// Package name to the names of its normal and build dependencies.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let text = |v: &Value| v.as_str().expect("text").to_owned();
    let packages = metadata()["packages"].as_array().expect("packages").clone();
    let dependencies = |package: &Value| -> BTreeSet<String> {
        let all = package["dependencies"].as_array().expect("dependencies");
        all.iter().filter(|d| d["kind"] != "dev").map(|d| text(&d["name"])).collect()
    };
    packages.iter().map(|p| (text(&p["name"]), dependencies(p))).collect()
}

/// The bundled plugins are many: each may know the SDK, and read with the library of another.
fn is_plugin(package: &str) -> bool {
    package.starts_with("flaky-plugin-")
        && ![
            "flaky-plugin-sdk",
            "flaky-plugin-host",
            "flaky-plugin-kit",
            "flaky-plugin-registry",
            "flaky-plugin-testing",
        ]
        .contains(&package)
}

#[test]
fn crates_depend_on_each_other_only_as_the_architecture_allows() {
    let edges = edges();
    let ours: BTreeSet<&String> = edges.keys().collect();
    for (package, dependencies) in &edges {
        if package == "flaky-tests" {
            continue;
        }
        if is_plugin(package) {
            let foreign =
                dependencies.iter().find(|d| ours.contains(d) && *d != "flaky-plugin-sdk" && !is_plugin(d));
            assert_eq!(foreign, None, "`{package}`: plugins know the SDK and each other's readers alone");
            continue;
        }
        let (_, allowed) = ALLOWED
            .iter()
            .find(|(name, _)| name == package)
            .unwrap_or_else(|| panic!("`{package}` is a new room: draw it in ARCHITECTURE.md and here"));
        for dependency in dependencies.iter().filter(|d| ours.contains(d)) {
            assert!(allowed.contains(&dependency.as_str()), "`{package}` must not depend on `{dependency}`");
        }
    }
}

#[test]
fn weighty_libraries_stay_in_their_rooms() {
    for (package, dependencies) in &edges() {
        for (library, rooms) in KEPT_IN {
            let known = dependencies.contains(*library) && package != "flaky-tests";
            let allowed = rooms.contains(&package.as_str());
            assert!(!known || allowed, "only `{rooms:?}` may know `{library}`, not `{package}`");
        }
    }
}

#[test]
fn core_knows_neither_clock_nor_file_nor_process() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../host/core/src");
    let forbidden =
        ["std::fs", "std::env", "std::process", "std::net", "std::thread", "SystemTime", "Instant", "tokio"];
    let mut looked_at = 0;
    let mut folders = vec![std::path::PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code: String = code.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
            for word in forbidden {
                assert!(!code.contains(word), "`{}` names `{word}`", path.display());
            }
            looked_at += 1;
        }
    }
    assert!(looked_at > 10, "the sources were found");
}
