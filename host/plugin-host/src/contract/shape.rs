//! Types of functions, line by line.
//!
//! `0.1.0.txt` holds one line per place in a type, depth first: `INTERFACE.FUNCTION PLACE: HEAD`, where the head is a
//! plain type or the kind of a compound one with the names in it. The walk stops at the first line that differs, so
//! a type that would unfold without end (components may share types a million times) costs nothing.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use wasmtime::Engine;
use wasmtime::component::ResourceType;
use wasmtime::component::types::{
    Component as ComponentType, ComponentFunc, ComponentInstance, ComponentItem, Type,
};

use super::VERSION;
use crate::error::PluginErrorKind;

/// Written by the test below, from a component that exports and imports everything.
const CONTRACT: &str = include_str!("0.1.0.txt");

/// Place and head.
type Line = (&'static str, &'static str);

/// Every function of the contract, as `INTERFACE.FUNCTION`, with its lines in order.
static FUNCTIONS: LazyLock<BTreeMap<&'static str, Vec<Line>>> = LazyLock::new(|| {
    let mut functions: BTreeMap<&str, Vec<Line>> = BTreeMap::new();
    let parts = |line: &'static str| {
        let (function, rest) = line.split_once(' ')?;
        Some((function, rest.split_once(": ")?))
    };
    for (function, line) in CONTRACT.lines().filter_map(parts) {
        functions.entry(function).or_default().push(line);
    }
    functions
});

/// Names of the resources of `inputs`, for this component.
pub(super) struct Resources(Vec<(String, ResourceType)>);

impl Resources {
    pub(super) fn of(engine: &Engine, ty: &ComponentType) -> Self {
        let mut found = Vec::new();
        for (name, item) in ty.imports(engine) {
            if let (true, ComponentItem::ComponentInstance(i)) =
                (name.starts_with("flaky:plugin/inputs@"), item.ty)
            {
                found.extend(i.exports(engine).filter_map(|(name, item)| match item.ty {
                    ComponentItem::Resource(resource) => Some((name.to_owned(), resource)),
                    _ => None,
                }));
            }
        }
        Self(found)
    }

    fn name(&self, resource: ResourceType) -> &str {
        self.0.iter().find(|(_, r)| *r == resource).map_or("another resource", |(name, _)| name)
    }
}

/// A name from a component, short and without control characters.
pub(super) fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Every function that the contract has in `interface` must be there with the contract's type.
pub(super) fn check_export(
    engine: &Engine,
    resources: &Resources,
    interface: &str,
    instance: &ComponentInstance,
) -> Result<(), PluginErrorKind> {
    for function in functions(interface) {
        let Some(ComponentItem::ComponentFunc(found)) = instance.get_export(engine, function).map(|e| e.ty)
        else {
            return Err(differs(format!("{interface}.{function}"), "the function is missing".into()));
        };
        check_function(resources, interface, function, &found)?;
    }
    Ok(())
}

/// Every function that the component imports must be one of the contract, with its type; the first that the contract
/// does not know is returned.
pub(super) fn check_import(
    engine: &Engine,
    resources: &Resources,
    interface: &str,
    instance: &ComponentInstance,
) -> Result<Option<String>, PluginErrorKind> {
    for (name, item) in instance.exports(engine) {
        let ComponentItem::ComponentFunc(found) = item.ty else { continue };
        if !functions(interface).any(|f| f == name) {
            return Ok(Some(shown(name)));
        }
        check_function(resources, interface, name, &found)?;
    }
    Ok(None)
}

/// Names of the functions of an interface.
fn functions(interface: &str) -> impl Iterator<Item = &'static str> {
    FUNCTIONS.keys().filter_map(move |name| name.strip_prefix(interface)?.strip_prefix('.'))
}

fn check_function(
    resources: &Resources,
    interface: &str,
    function: &str,
    found: &ComponentFunc,
) -> Result<(), PluginErrorKind> {
    let name = format!("{interface}.{function}");
    let mut expected = FUNCTIONS.get(name.as_str()).into_iter().flatten();
    let mut compare = |place: &str, head: &str| match expected.next() {
        Some((p, h)) if *p == place && *h == head => Ok(()),
        Some((p, h)) if *p == place => Err(differs(format!("{name} {place}"), difference(head, h))),
        // A parameter or result too many.
        _ => Err(differs(format!("{name} {place}"), "the contract has nothing there".into())),
    };
    walk(resources, found, &mut compare)?;
    match expected.next() {
        None => Ok(()),
        Some((place, _)) => Err(differs(format!("{name} {place}"), "it is missing".into())),
    }
}

fn differs(at: String, difference: String) -> PluginErrorKind {
    PluginErrorKind::Contract { at, host: VERSION, difference }
}

/// `enum a b c` against `enum a b`: names only what differs.
fn difference(plugin: &str, host: &str) -> String {
    let names = |head: &str| head.split(' ').skip(1).map(str::to_owned).collect::<Vec<_>>();
    let kind = |head: &str| head.split(' ').next().unwrap_or_default().to_owned();
    if kind(plugin) != kind(host) {
        return format!("the plugin has `{}`, the contract `{host}`", shown(plugin));
    }
    let (ours, theirs) = (names(host), names(plugin));
    let only = |some: &[String], others: &[String]| {
        let list: Vec<String> =
            some.iter().filter(|n| !others.contains(n)).take(5).map(|n| format!("`{}`", shown(n))).collect();
        list.join(", ")
    };
    match (only(&theirs, &ours), only(&ours, &theirs)) {
        (more, less) if more.is_empty() && less.is_empty() => {
            format!("the {} has its parts in another order", kind(host))
        }
        (more, less) if less.is_empty() => format!("the plugin's {} also has {more}", kind(host)),
        (more, less) if more.is_empty() => format!("the plugin's {} lacks {less}", kind(host)),
        (more, less) => format!("the plugin's {} has {more} in place of {less}", kind(host)),
    }
}

/// What is told of every place: where it is, and what stands there.
type Visit<'v, E> = dyn FnMut(&str, &str) -> Result<(), E> + 'v;

fn walk<E>(resources: &Resources, function: &ComponentFunc, visit: &mut Visit<'_, E>) -> Result<(), E> {
    for (name, ty) in function.params() {
        walk_type(resources, &mut format!("({name})"), &ty, visit)?;
    }
    if function.results().len() == 0 {
        visit("->", "nothing")?;
    }
    for ty in function.results() {
        walk_type(resources, &mut "->".to_owned(), &ty, visit)?;
    }
    Ok(())
}

fn walk_type<E>(
    resources: &Resources,
    place: &mut String,
    ty: &Type,
    visit: &mut Visit<'_, E>,
) -> Result<(), E> {
    let (head, parts) = unfold(resources, ty);
    visit(place, &head)?;
    for (step, part) in parts {
        let length = place.len();
        place.push_str(&step);
        walk_type(resources, place, &part, visit)?;
        place.truncate(length);
    }
    Ok(())
}

/// A type's head, and its parts with the step that leads to each.
fn unfold(resources: &Resources, ty: &Type) -> (String, Vec<(String, Type)>) {
    let plain = |name: &str| (name.to_owned(), Vec::new());
    match ty {
        Type::Bool => plain("bool"),
        Type::U8 => plain("u8"),
        Type::U16 => plain("u16"),
        Type::U32 => plain("u32"),
        Type::U64 => plain("u64"),
        Type::S8 => plain("s8"),
        Type::S16 => plain("s16"),
        Type::S32 => plain("s32"),
        Type::S64 => plain("s64"),
        Type::Float32 => plain("f32"),
        Type::Float64 => plain("f64"),
        Type::Char => plain("char"),
        Type::String => plain("string"),
        Type::Own(resource) => (format!("own {}", resources.name(*resource)), Vec::new()),
        Type::Borrow(resource) => (format!("borrow {}", resources.name(*resource)), Vec::new()),
        Type::List(list) => ("list".into(), vec![("[]".into(), list.ty())]),
        Type::Option(option) => ("option".into(), vec![("?".into(), option.ty())]),
        Type::Result(result) => {
            let part = |step: &str, ty: Option<Type>| ty.map(|t| (step.to_owned(), t));
            (
                "result".into(),
                [part(".ok", result.ok()), part(".err", result.err())].into_iter().flatten().collect(),
            )
        }
        Type::Tuple(tuple) => {
            let parts: Vec<_> = tuple.types().enumerate().map(|(i, t)| (format!(".{i}"), t)).collect();
            (format!("tuple-of-{}", parts.len()), parts)
        }
        Type::Record(record) => {
            let parts: Vec<_> = record.fields().map(|f| (format!(".{}", f.name), f.ty)).collect();
            (head("record", record.fields().map(|f| f.name)), parts)
        }
        Type::Variant(variant) => {
            let parts = variant.cases().filter_map(|c| Some((format!(".{}", c.name), c.ty?))).collect();
            (head("variant", variant.cases().map(|c| c.name)), parts)
        }
        Type::Enum(cases) => (head("enum", cases.names()), Vec::new()),
        Type::Flags(flags) => (head("flags", flags.names()), Vec::new()),
        // The contract has none of these.
        Type::Map(_) => plain("map"),
        Type::Future(_) => plain("future"),
        Type::Stream(_) => plain("stream"),
        Type::ErrorContext => plain("error-context"),
        Type::FixedLengthList(_) => plain("fixed-length-list"),
    }
}

fn head<'a>(kind: &str, names: impl Iterator<Item = &'a str>) -> String {
    names.fold(kind.to_owned(), |mut head, name| {
        head.push(' ');
        head.push_str(name);
        head
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::fmt::Write;

    #[test]
    fn a_difference_is_named_by_what_is_there_and_what_is_not() {
        for (plugin, host, text) in [
            ("enum a b c", "enum a b", "the plugin's enum also has `c`"),
            ("record a", "record a b", "the plugin's record lacks `b`"),
            ("enum a x", "enum a b", "the plugin's enum has `x` in place of `b`"),
            ("enum b a", "enum a b", "the enum has its parts in another order"),
            ("u64", "string", "the plugin has `u64`, the contract `string`"),
        ] {
            assert_eq!(difference(plugin, host), text);
        }
    }

    /// The text is what the released WIT says, as wasmtime reads it from a component that has all of it. Written
    /// anew with `UPDATE_CONTRACT=1`, which is right only before a version is released.
    #[test]
    fn the_contract_text_is_what_a_component_of_the_released_wit_has() {
        let engine = crate::engine::engine().unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/guests/dist/everything.wasm");
        let component = wasmtime::component::Component::from_file(&engine, path).unwrap();
        let ty = component.component_type();
        let resources = Resources::of(&engine, &ty);
        let mut text = Vec::new();
        let names = ty.exports(&engine).chain(ty.imports(&engine));
        for (name, item) in names {
            let Some(interface) = name.strip_prefix("flaky:plugin/") else { continue };
            let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
            let interface = interface.split('@').next().unwrap();
            for (function, item) in instance.exports(&engine) {
                let ComponentItem::ComponentFunc(found) = item.ty else { continue };
                let mut lines = String::new();
                walk::<Infallible>(&resources, &found, &mut |place, head| {
                    writeln!(lines, "{interface}.{function} {place}: {head}").unwrap();
                    Ok(())
                })
                .unwrap();
                text.push(lines);
            }
        }
        text.sort_unstable();
        let text = text.concat();
        if std::env::var_os("UPDATE_CONTRACT").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/contract/0.1.0.txt");
            std::fs::write(path, &text).unwrap();
        }
        for (found, expected) in text.lines().zip(CONTRACT.lines()) {
            assert_eq!(found, expected);
        }
        assert_eq!(text.lines().count(), CONTRACT.lines().count());
    }
}
