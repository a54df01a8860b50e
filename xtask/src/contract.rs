//! The contract with plugins as a WIT package in its binary form, which tools of other languages fetch: a file of each release, and
//! an artifact in a registry, where `cargo xtask contract` puts it.
//!
//! The layout is that of `wkg` (CNCF, "Wasm OCI Artifact Layout"). A version that is there already stays as it is.

use std::path::Path;

use flaky_core::remote_plugin::RemotePlugin;
use flaky_plugin_host::COMPONENT_BYTES;
use flaky_plugin_registry::{ArtifactNotes, Credentials, Overwrite, Patience, Published, Registry};
use tokio::runtime::Builder;
use wit_parser::{PackageId, PackageName, Resolve};

use crate::plugins::contract_folder;
use crate::{Result, say};

/// Where it is published: `NAMESPACE/NAME:VERSION` below it, as `wkg` looks for a package.
const REGISTRY: &str = "oci://ghcr.io/flaky-rs";

/// The contract, read and encoded.
pub(crate) struct Contract {
    name: PackageName,
    version: String,
    /// All that it defines, worlds as well: what a registry says of it.
    defines: Vec<String>,
    pub(crate) encoded: Vec<u8>,
}

impl Contract {
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let mut resolve = Resolve::default();
        let folder = contract_folder(root);
        let told = |error: &dyn std::fmt::Display| format!("{}: {error:#}", folder.display());
        let (package, _) = resolve.push_path(&folder).map_err(|error| told(&error))?;
        let encoded = wit_component::encode(&resolve, package, false).map_err(|error| told(&error))?;
        let name = resolve.packages[package].name.clone();
        let version = name.version.as_ref().ok_or("the contract has no version")?.to_string();
        Ok(Self { name, version, defines: defines(&resolve, package), encoded })
    }

    /// Name of the release's file.
    pub(crate) fn file_name(&self) -> String {
        format!("{}-{}-{}.wit.wasm", self.name.namespace, self.name.name, self.version)
    }

    fn address(&self, registry: &str) -> String {
        format!("{registry}/{}/{}:{}", self.name.namespace, self.name.name, self.version)
    }

    fn publish(&self, address: &str) -> Result<Published> {
        let RemotePlugin::Oci(address) = address.parse().map_err(|error| format!("`{address}`: {error}"))?
        else {
            return Err(format!("`{address}` is no registry\nhint: oci://HOST/REPOSITORY").into());
        };
        let notes = ArtifactNotes {
            name: format!("{}:{}", self.name.namespace, self.name.name),
            version: self.version.clone(),
            summary: "The contract between flaky and its plugins.".to_owned(),
            exports: self.defines.clone(),
            imports: Vec::new(),
        };
        let credentials = Credentials::from_environment(|name| std::env::var_os(name))?;
        let registry = Registry::new(credentials, Patience::default(), COMPONENT_BYTES);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let publish = registry.publish(&address, &self.encoded, &notes, Overwrite::Never);
        Ok(runtime.block_on(publish)?)
    }
}

/// The names of a package's interfaces and worlds.
fn defines(resolve: &Resolve, package: PackageId) -> Vec<String> {
    let package = &resolve.packages[package];
    let names = package.interfaces.keys().chain(package.worlds.keys());
    names.map(|name| package.name.interface_id(name)).collect()
}

/// `cargo xtask contract`: into the registry of releases, or another.
pub(crate) fn publish(root: &Path, registry: Option<&str>) -> Result<()> {
    let contract = Contract::load(root)?;
    let address = contract.address(registry.unwrap_or(REGISTRY));
    let published = contract.publish(&address)?;
    let how = if published.unchanged { "is there already, the very same" } else { "is published" };
    say(&format!("{address} {how}: sha256:{}", published.manifest));
    Ok(())
}

#[cfg(test)]
mod tests {
    use flaky_plugin_registry::{Expected, Store};
    use flaky_tests::docker_registry::{Access, DockerRegistry};

    use super::*;

    fn contract() -> Contract {
        Contract::load(&crate::root().unwrap()).unwrap()
    }

    #[test]
    fn the_contract_can_be_read_back_from_its_binary_form() {
        let contract = contract();
        assert_eq!(contract.file_name(), "flaky-plugin-0.1.0.wit.wasm");
        assert_eq!(contract.address(REGISTRY), "oci://ghcr.io/flaky-rs/flaky/plugin:0.1.0");
        let decoded = wit_component::decode(&contract.encoded).unwrap();
        let package = &decoded.resolve().packages[decoded.package()];
        assert!(package.interfaces.contains_key("parser"), "{:?}", package.interfaces);
        for name in ["flaky:plugin/parser@0.1.0", "flaky:plugin/parser-plugin@0.1.0"] {
            assert!(contract.defines.iter().any(|defined| defined == name), "{name}: {:?}", contract.defines);
        }
    }

    /// The server is the one that Docker's registry is made of.
    #[test]
    fn what_a_registry_has_of_the_contract_is_the_contract_and_stays_so() {
        let server = DockerRegistry::new(Access::Open);
        let mut contract = contract();
        let address = contract.address(&format!("oci://{}", server.host()));
        assert!(!contract.publish(&address).unwrap().unchanged);
        assert!(contract.publish(&address).unwrap().unchanged);

        let folder = std::env::temp_dir().join(format!("flaky-xtask-contract-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let store = Store::new(folder.clone(), COMPONENT_BYTES);
        let registry = Registry::new(Credentials::default(), Patience::default(), COMPONENT_BYTES);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let plugin = address.parse().unwrap();
        let fetched = runtime.block_on(registry.fetch(&plugin, Expected::default(), &store)).unwrap();
        assert_eq!(fetched.sha256.to_string(), crate::sources::sha256(&contract.encoded));
        std::fs::remove_dir_all(&folder).unwrap();

        contract.encoded.push(0);
        let refused = contract.publish(&address).unwrap_err().to_string();
        assert!(refused.contains("0.1.0"), "{refused}");
    }
}
