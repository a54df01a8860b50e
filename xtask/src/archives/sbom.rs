//! The bill of materials of a program: CycloneDX 1.5, JSON. Made of what cargo says it links, with the licence and sum of each
//! crate; `cargo auditable` data in the program itself has names and versions alone.

use serde_json::{Value, json};

use super::Package;
use super::packages::{Crate, Library, Packages, key};
use super::tools::TOOLCHAIN;
use crate::Result;
use crate::changelog::Version;

pub(crate) fn document(
    package: Package,
    version: Version,
    target: &str,
    packages: &Packages,
) -> Result<Vec<u8>> {
    let root = key(package.name(), &version.to_string());
    let program =
        packages.crates.get(&root).ok_or_else(|| format!("`{root}` is not among its own packages"))?;
    let others = packages.crates.iter().filter(|(key, _)| **key != root).map(|(_, one)| component(one));
    let components: Vec<Value> = others.chain(packages.libraries.iter().map(library)).collect();
    let mut subject = component(program);
    subject["type"] = "application".into();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": subject,
            "tools": { "components": [{ "type": "application", "name": "rustc", "version": TOOLCHAIN }] },
            "properties": [{ "name": "flaky:target", "value": target }],
        },
        "components": components,
        "dependencies": dependencies(packages),
    });
    let mut text = serde_json::to_vec_pretty(&document)?;
    text.push(b'\n');
    Ok(text)
}

fn component(one: &Crate) -> Value {
    let reference = reference(&key(&one.name, &one.version));
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": one.name,
        "version": one.version,
        "purl": reference,
    });
    if let Some(licence) = &one.licence {
        // `A/B` is the old way to write `A OR B`.
        component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
    }
    if let Some(checksum) = &one.checksum {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    if let Some(repository) = &one.repository {
        component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    component
}

fn library(library: &Library) -> Value {
    let version = library.version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
    let reference = format!("pkg:generic/{}{version}", library.name);
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": library.name,
        "purl": reference,
        "description": format!("C, built and linked by {}", library.from),
    });
    if let Some(version) = &library.version {
        component["version"] = version.as_str().into();
    }
    component
}

fn dependencies(packages: &Packages) -> Vec<Value> {
    let edges = packages.crates.iter().map(|(key, one)| {
        let needed: Vec<String> = one.dependencies.iter().map(|key| reference(key)).collect();
        json!({ "ref": reference(key), "dependsOn": needed })
    });
    edges.collect()
}

/// A package URL. `+` has a meaning of its own in them.
fn reference(key: &str) -> String {
    format!("pkg:cargo/{}", key.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{TARGETS, packages};
    use super::*;

    #[test]
    fn a_bill_names_what_is_linked_and_nothing_that_only_builds_or_tests() {
        let root = crate::root().unwrap();
        let version = crate::versions::current(&root).unwrap();
        let packages = packages::of(&root, Package::Flaky, TARGETS[0]).unwrap();
        let bill: Value =
            serde_json::from_slice(&document(Package::Flaky, version, TARGETS[0], &packages).unwrap())
                .unwrap();
        assert_eq!(bill["metadata"]["component"]["name"], "flaky");
        let components = bill["components"].as_array().unwrap();
        let named = |name: &str| components.iter().find(|one| one["name"] == name);
        for (name, hashed) in [
            ("wasmtime", true),
            ("flaky-core", false),
            ("flaky-plugin-pytest", false),
            ("quick-xml", true),
            ("openssl-src", true),
        ] {
            let one = named(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(
                one["hashes"][0]["content"].as_str().is_some_and(|sum| sum.len() == 64),
                hashed,
                "{name}"
            );
            assert!(one["licenses"][0]["expression"].is_string(), "{name}");
        }
        for name in ["cc", "proptest", "xtask", "flaky-tests", "flaky-worker", "serde_derive", "windows-sys"]
        {
            assert!(named(name).is_none(), "{name}");
        }
        assert!(named("openssl").is_some() && named("libgit2").unwrap()["version"].is_string());
        let references: BTreeSet<&str> = components
            .iter()
            .chain([&bill["metadata"]["component"]])
            .map(|one| one["bom-ref"].as_str().unwrap())
            .collect();
        assert_eq!(references.len(), components.len() + 1, "each once");
        let edges = bill["dependencies"].as_array().unwrap();
        let needed = edges.iter().flat_map(|edge| edge["dependsOn"].as_array().unwrap());
        assert!(needed.clone().count() > references.len());
        for one in needed {
            assert!(references.contains(one.as_str().unwrap()), "{one}");
        }
    }
}
