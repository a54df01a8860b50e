//! What a component exports and imports, held against the contract before any of its code runs.
//!
//! wasmtime alone would refuse the same components, but late (after instantiation, for a changed enum) or in words
//! that name neither version. Here the names of the exported interfaces give roles and versions, and their types are
//! walked in step with `contract/0.1.0.txt`, one line per place in a type, so that an error can say which place.

mod shape;

use wasmtime::Engine;
use wasmtime::component::types::{Component as ComponentType, ComponentInstance, ComponentItem};

use crate::error::{Behind, PluginErrorKind};

/// Version of the contract that this host speaks.
pub(crate) const VERSION: &str = "0.1.0";

/// How a parser hands over its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParserShape {
    /// A record per test.
    Plain,
    /// Columns.
    Packed,
}

/// What a plugin can be asked, from the names of its exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles {
    /// It reads output. Of two shapes the packed one is used.
    pub parser: Option<ParserShape>,
    /// It decides commands.
    pub framework: bool,
    /// It judges.
    pub policy: bool,
    /// It renders reports.
    pub reporter: bool,
}

impl Roles {
    /// Their names in the contract.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let parser = self.parser.map(|shape| match shape {
            ParserShape::Plain => "parser",
            ParserShape::Packed => "packed-parser",
        });
        let flag = |has: bool, name| has.then_some(name);
        [
            parser,
            flag(self.framework, "framework"),
            flag(self.policy, "policy"),
            flag(self.reporter, "reporter"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// From their names in the contract; `None` where one is not of it.
    #[must_use]
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut roles = Self::default();
        for name in names {
            match name {
                "packed-parser" => roles.parser = Some(ParserShape::Packed),
                "parser" => roles.parser = roles.parser.or(Some(ParserShape::Plain)),
                "framework" => roles.framework = true,
                "policy" => roles.policy = true,
                "reporter" => roles.reporter = true,
                _ => return None,
            }
        }
        Some(roles)
    }

    fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// What a component is, as far as its type tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) roles: Roles,
    /// It imports `wasi:…`, so it needs the empty one.
    pub(crate) wasi: bool,
}

/// Interfaces of a component by their names, as the component has them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interfaces {
    /// Those that others call.
    pub exports: Vec<String>,
    /// Those that it calls.
    pub imports: Vec<String>,
}

impl Interfaces {
    /// The version of the contract that the component was built for.
    #[must_use]
    pub fn contract(&self) -> &str {
        let parsed = self.exports.iter().filter_map(|name| Interface::parse(name));
        parsed.filter(|interface| interface.name == "plugin").map(|i| i.version).next().unwrap_or(VERSION)
    }

    pub(crate) fn of(engine: &Engine, ty: &ComponentType) -> Self {
        Self {
            exports: ty.exports(engine).map(|(name, _)| name.to_owned()).collect(),
            imports: ty.imports(engine).map(|(name, _)| name.to_owned()).collect(),
        }
    }
}

/// Interfaces of the contract that a plugin can export.
const EXPORTS: [&str; 6] = ["plugin", "parser", "packed-parser", "framework", "policy", "reporter"];

/// Reads roles from a component's exports and checks every interface of the contract that it has to do with.
///
/// # Errors
/// The first thing that does not fit.
pub(crate) fn check(engine: &Engine, ty: &ComponentType) -> Result<Checked, PluginErrorKind> {
    let resources = shape::Resources::of(engine, ty);
    let mut exported: Vec<&'static str> = Vec::new();
    for (name, item) in ty.exports(engine) {
        let (ComponentItem::ComponentInstance(instance), Some(interface)) = (item.ty, Interface::parse(name))
        else {
            continue;
        };
        interface.check_version()?;
        // One that a later 0.1.x adds: this host does not call it.
        let Some(known) = EXPORTS.into_iter().find(|e| *e == interface.name) else { continue };
        shape::check_export(engine, &resources, known, &instance)?;
        exported.push(known);
    }
    exported.sort_unstable();
    let roles = roles(&exported)?;
    let wasi = check_imports(engine, ty, &resources)?;
    Ok(Checked { roles, wasi })
}

fn roles(exported: &[&'static str]) -> Result<Roles, PluginErrorKind> {
    let has = |name: &str| exported.contains(&name);
    let parser = match (has("packed-parser"), has("parser")) {
        (true, _) => Some(ParserShape::Packed),
        (false, true) => Some(ParserShape::Plain),
        (false, false) => None,
    };
    let roles =
        Roles { parser, framework: has("framework"), policy: has("policy"), reporter: has("reporter") };
    let missing = match (has("plugin"), roles.is_empty()) {
        (true, false) => return Ok(roles),
        (true, true) => "no role",
        (false, false) => "not `plugin`, which every plugin has",
        (false, true) => "neither `plugin` nor a role",
    };
    let exports = exported.iter().map(|e| (*e).to_owned()).collect();
    Err(PluginErrorKind::MissingExport { missing, exports })
}

fn check_imports(
    engine: &Engine,
    ty: &ComponentType,
    resources: &shape::Resources,
) -> Result<bool, PluginErrorKind> {
    let mut wasi = false;
    for (name, item) in ty.imports(engine) {
        if let Some(interface) = Interface::parse(name) {
            interface.check_version()?;
            if let ComponentItem::ComponentInstance(instance) = item.ty {
                check_import(engine, resources, &interface, &instance)?;
            }
        } else if is_empty_wasi(name) {
            wasi = true;
        } else {
            return Err(PluginErrorKind::Import(shape::shown(name)));
        }
    }
    Ok(wasi)
}

/// Functions that a later 0.1.x added to an imported interface are fine until a component needs one.
fn check_import(
    engine: &Engine,
    resources: &shape::Resources,
    interface: &Interface<'_>,
    instance: &ComponentInstance,
) -> Result<(), PluginErrorKind> {
    match shape::check_import(engine, resources, interface.name, instance)? {
        None => Ok(()),
        Some(unknown) if interface.newer_patch() => Err(PluginErrorKind::Version {
            interface: format!("{}.{unknown}", interface.name),
            plugin: interface.version.to_owned(),
            host: VERSION,
            behind: Behind::Host,
        }),
        Some(unknown) => Err(PluginErrorKind::Import(format!("{}.{unknown}", interface.name))),
    }
}

/// The packages of WASI that exist empty here. Sockets are there as functions that trap: interpreters import them
/// and never call them on their own.
fn is_empty_wasi(name: &str) -> bool {
    const PACKAGES: [&str; 6] =
        ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];
    PACKAGES.iter().any(|p| name.starts_with(p)) && name.contains("@0.2.")
}

/// `flaky:plugin/NAME@VERSION`.
struct Interface<'a> {
    name: &'a str,
    version: &'a str,
}

impl<'a> Interface<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let rest = name.strip_prefix("flaky:plugin/")?;
        let (name, version) = rest.split_once('@').unwrap_or((rest, ""));
        Some(Self { name, version })
    }

    /// Major, minor, patch; `None` for prereleases, which promise nothing.
    fn numbers(&self) -> Option<[u64; 3]> {
        let mut parts = self.version.splitn(3, '.').map(str::parse::<u64>);
        Some([parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?])
    }

    fn newer_patch(&self) -> bool {
        self.numbers().is_some_and(|[_, _, patch]| patch > 0)
    }

    fn check_version(&self) -> Result<(), PluginErrorKind> {
        let behind = match self.numbers() {
            Some([0, 1, _]) => return Ok(()),
            Some(newer) if newer > [0, 1, 0] => Behind::Host,
            Some(_) | None => Behind::Plugin,
        };
        Err(PluginErrorKind::Version {
            interface: shape::shown(self.name),
            plugin: if self.version.is_empty() { "no version".into() } else { shape::shown(self.version) },
            host: VERSION,
            behind,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_within_the_line_fit_and_others_name_the_side_that_is_behind() {
        let behind = |version: &'static str| match (Interface { name: "parser", version }).check_version() {
            Ok(()) => None,
            Err(PluginErrorKind::Version { behind, host: "0.1.0", .. }) => Some(behind),
            Err(other) => panic!("{other}"),
        };
        for (version, expected) in [
            ("0.1.0", None),
            ("0.1.27", None),
            ("0.2.0", Some(Behind::Host)),
            ("1.0.0", Some(Behind::Host)),
            ("0.0.9", Some(Behind::Plugin)),
            ("0.1.0-rc.1", Some(Behind::Plugin)),
            ("", Some(Behind::Plugin)),
        ] {
            assert_eq!(behind(version), expected, "{version}");
        }
    }

    #[test]
    fn what_is_missing_is_said_with_what_is_there() {
        for (exports, text) in [
            (&[][..], "exports nothing of the plugin contract, but neither `plugin` nor a role"),
            (&["plugin"], "exports `plugin`, but no role"),
            (&["policy"], "exports `policy`, but not `plugin`, which every plugin has"),
        ] {
            assert_eq!(roles(exports).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn of_two_parser_shapes_the_packed_one_is_used() {
        let both = roles(&["packed-parser", "parser", "plugin"]).unwrap();
        assert_eq!(both.parser, Some(ParserShape::Packed));
        assert_eq!(both.names(), ["packed-parser"]);
    }
}
