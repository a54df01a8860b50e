//! Core modules made into components, and what those export.

use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{Resolve, WorldItem};

use crate::Result;

/// Makes a component of a core module that was built with the SDK, and validates it.
pub(crate) fn encode(module: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ComponentEncoder::default();
    let encoded = encoder.validate(true).module(module).and_then(ComponentEncoder::encode);
    encoded.map_err(|error| format!("{error:#}").into())
}

/// Interfaces that a component imports and exports, with versions, in alphabetical order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Interfaces {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

impl Interfaces {
    pub(crate) fn of(component: &[u8]) -> Result<Self> {
        let DecodedWasm::Component(resolve, world) =
            wit_component::decode(component).map_err(|error| format!("{error:#}"))?
        else {
            return Err("not a component".into());
        };
        let world = resolve.worlds.get(world).ok_or("a component without a world")?;
        let imports = world.imports.values().filter_map(|item| name(&resolve, item)).collect();
        let exports = world.exports.values().filter_map(|item| name(&resolve, item)).collect();
        let mut interfaces = Self { imports, exports };
        interfaces.imports.sort();
        interfaces.exports.sort();
        Ok(interfaces)
    }

    /// The names of the roles, once everything is as it has to be: the interfaces are the contract's and of
    /// `version`, `plugin` is among them and a role is too, and nothing is imported from elsewhere.
    pub(crate) fn roles(&self, version: &str) -> Result<Vec<String>> {
        let own = |name: &str| {
            let rest = name.strip_prefix("flaky:plugin/")?.strip_suffix(version)?;
            Some(rest.strip_suffix('@')?.to_owned())
        };
        if let Some(foreign) = self.imports.iter().chain(&self.exports).find(|name| own(name).is_none()) {
            return Err(format!("`{foreign}` is not of `flaky:plugin@{version}`").into());
        }
        let mut roles: Vec<String> = self.exports.iter().filter_map(|name| own(name)).collect();
        let count = roles.len();
        roles.retain(|role| role != "plugin");
        if roles.len() == count || roles.is_empty() {
            return Err(format!("exports {:?}: `plugin` and a role are needed", self.exports).into());
        }
        Ok(roles)
    }
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
        assert_eq!(good.roles("0.1.0").unwrap(), ["parser"]);
        let bad = [
            interfaces(&["wasi:cli/environment@0.2.0"], &[parser, plugin]),
            interfaces(&[], &["flaky:plugin/parser@0.2.0", plugin]),
            interfaces(&[], &[plugin]),
            interfaces(&[], &[parser]),
            interfaces(&[], &[]),
        ];
        for case in bad {
            assert!(case.roles("0.1.0").is_err(), "{case:?}");
        }
    }
}
