//! Core modules made into components, and what those export.

use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{Resolve, WorldItem};

/// Makes a component of a core module that was built with the SDK, and validates it.
///
/// # Errors
/// When the module carries no types of a contract, or what they say is not what it has.
pub fn encode(module: &[u8]) -> Result<Vec<u8>, NotAComponent> {
    let mut encoder = ComponentEncoder::default();
    let encoded = encoder.validate(true).module(module).and_then(ComponentEncoder::encode);
    encoded.map_err(|error| NotAComponent(format!("{error:#}")))
}

/// Why something is not a component, or not one of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAComponent(String);

/// Interfaces that a component imports and exports, with versions, in alphabetical order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interfaces {
    /// What it needs.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
}

impl Interfaces {
    /// Of a component, by its type alone: no code of it is compiled or run.
    ///
    /// # Errors
    /// When the bytes are not a component.
    pub fn of(component: &[u8]) -> Result<Self, NotAComponent> {
        let not = |why: String| NotAComponent(why);
        let DecodedWasm::Component(resolve, world) =
            wit_component::decode(component).map_err(|error| not(format!("{error:#}")))?
        else {
            return Err(not("it is a package of interfaces".into()));
        };
        let world = resolve.worlds.get(world).ok_or_else(|| not("it has no world".into()))?;
        let imports = world.imports.values().filter_map(|item| name(&resolve, item)).collect();
        let exports = world.exports.values().filter_map(|item| name(&resolve, item)).collect();
        let mut interfaces = Self { imports, exports };
        interfaces.imports.sort();
        interfaces.exports.sort();
        Ok(interfaces)
    }

    /// The roles among the exports, each with the version of the contract that it is of; `plugin` is none.
    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        let role = |name: &String| {
            let (name, contract) = name.strip_prefix(CONTRACT)?.split_once('@')?;
            Some(Role { name: name.to_owned(), contract: contract.to_owned() })
        };
        self.exports.iter().filter_map(role).filter(|role| role.name != "plugin").collect()
    }

    /// The names of the roles, once everything is as it has to be for a bundled plugin: the interfaces are the
    /// contract's and of `version`, `plugin` is among them and a role is too, and nothing is imported from elsewhere.
    ///
    /// # Errors
    /// The first thing that is not so.
    pub fn bundled_roles(&self, version: &str) -> Result<Vec<String>, NotAComponent> {
        let own = |name: &str| {
            let rest = name.strip_prefix(CONTRACT)?.strip_suffix(version)?;
            Some(rest.strip_suffix('@')?.to_owned())
        };
        if let Some(foreign) = self.imports.iter().chain(&self.exports).find(|name| own(name).is_none()) {
            return Err(NotAComponent(format!("`{foreign}` is not of `flaky:plugin@{version}`")));
        }
        let mut roles: Vec<String> = self.exports.iter().filter_map(|name| own(name)).collect();
        let count = roles.len();
        roles.retain(|role| role != "plugin");
        if roles.len() == count || roles.is_empty() {
            return Err(NotAComponent(format!("exports {:?}: `plugin` and a role are needed", self.exports)));
        }
        Ok(roles)
    }
}

/// What the names of the contract's interfaces begin with.
const CONTRACT: &str = "flaky:plugin/";

/// A role that a component has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Name of the interface.
    pub name: String,
    /// Version of the contract that it is of.
    pub contract: String,
}

fn name(resolve: &Resolve, item: &WorldItem) -> Option<String> {
    match item {
        WorldItem::Interface { id, .. } => resolve.id_of(*id),
        WorldItem::Function(function) => Some(function.name.clone()),
        WorldItem::Type { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interfaces(imports: &[&str], exports: &[&str]) -> Interfaces {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Interfaces { imports: owned(imports), exports: owned(exports) }
    }

    #[test]
    fn a_bundled_plugin_exports_roles_of_the_contract_and_imports_nothing_else() {
        let plugin = "flaky:plugin/plugin@0.1.0";
        let parser = "flaky:plugin/parser@0.1.0";
        let good = interfaces(&["flaky:plugin/inputs@0.1.0"], &[parser, plugin]);
        assert_eq!(good.bundled_roles("0.1.0").unwrap(), ["parser"]);
        let bad = [
            interfaces(&["wasi:cli/environment@0.2.0"], &[parser, plugin]),
            interfaces(&[], &["flaky:plugin/parser@0.2.0", plugin]),
            interfaces(&[], &[plugin]),
            interfaces(&[], &[parser]),
            interfaces(&[], &[]),
        ];
        for case in bad {
            assert!(case.bundled_roles("0.1.0").is_err(), "{case:?}");
        }
    }
}
