//! Which components load, and why others do not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod common;

use std::borrow::Cow;

use common::{guest, load};
use flaky_plugin_host::{Behind, Call, ComponentBytes, ParserShape, PluginErrorKind as Kind, PluginSource};

async fn refused(name: &str) -> Kind {
    let error = load(name).await.unwrap_err();
    assert_eq!(error.call(), Call::Load, "{error}");
    error.kind().clone()
}

#[tokio::test]
async fn roles_are_those_that_are_exported() {
    let hostile = load("hostile").await.unwrap();
    assert_eq!(hostile.roles().names(), ["packed-parser", "framework", "policy", "reporter"]);
    let plain = load("plain").await.unwrap();
    assert_eq!(plain.roles().parser, Some(ParserShape::Plain));
    assert_eq!(plain.roles().names(), ["parser"]);
    assert_eq!(plain.manifest().name, "hostile");
    assert_eq!(plain.sha256().len(), 64);
}

#[tokio::test]
async fn a_later_patch_loads_as_long_as_nothing_new_is_used() {
    let plugin = load("next-unused").await.unwrap();
    assert_eq!(plugin.roles().names(), ["packed-parser", "framework", "policy", "reporter"]);
    plugin.parse(&common::attempt("")).await.unwrap();
}

#[tokio::test]
async fn a_function_of_a_later_patch_is_named_with_both_versions() {
    assert_eq!(
        refused("next-used").await,
        Kind::Version {
            interface: "inputs.[method]blob.age".into(),
            plugin: "0.1.1".into(),
            host: "0.1.0",
            behind: Behind::Host,
        }
    );
}

#[tokio::test]
async fn another_version_is_refused_naming_both_and_the_side_to_upgrade() {
    let error = load("version-2").await.unwrap_err();
    assert!(
        matches!(error.kind(), Kind::Version { plugin, behind: Behind::Host, .. } if plugin == "0.2.0"),
        "{error}"
    );
    assert!(error.to_string().ends_with("is of contract 0.2.0, and this `flaky` speaks 0.1.0"), "{error}");
    assert_eq!(error.hint().as_deref(), Some("upgrade `flaky`"));
}

#[tokio::test]
async fn an_enum_with_a_case_more_is_refused_with_the_case_and_its_place() {
    assert_eq!(
        refused("more-cases").await,
        Kind::Contract {
            at: "parser.parse ->.ok.tests[].outcome".into(),
            host: "0.1.0",
            difference: "the plugin's enum also has `quarantined`".into(),
        }
    );
}

#[tokio::test]
async fn a_component_lacks_a_role_or_the_plugin_interface_or_both() {
    let missing = |kind| match kind {
        Kind::MissingExport { missing, exports } => (missing, exports),
        other => panic!("{other}"),
    };
    assert_eq!(missing(refused("only-plugin").await), ("no role", vec!["plugin".to_owned()]));
    assert_eq!(missing(refused("only-policy").await).1, ["policy"]);
    let nothing = PluginSource {
        label: "empty".into(),
        // The smallest component there is.
        bytes: ComponentBytes::Plain(Cow::Borrowed(b"\0asm\x0d\0\x01\0")),
        trusted: false,
    };
    let error = common::host().load(nothing).await.unwrap_err();
    assert_eq!(missing(error.kind().clone()), ("neither `plugin` nor a role", vec![]));
}

#[tokio::test]
async fn an_import_from_elsewhere_is_named() {
    assert_eq!(refused("foreign").await, Kind::Import("call".into()));
}

#[tokio::test]
async fn a_component_cut_short_is_invalid_and_no_more() {
    let whole = std::fs::read(guest("hostile")).unwrap();
    for length in [8, 9, 100, whole.len() / 2, whole.len() - 1] {
        let bytes = ComponentBytes::Plain(Cow::Owned(whole[..length].to_vec()));
        let source = PluginSource { label: "cut".into(), bytes, trusted: false };
        let error = common::host().load(source).await.unwrap_err();
        let fits = matches!(error.kind(), Kind::Invalid(_) | Kind::MissingExport { .. });
        assert!(fits, "{length}: {error}");
    }
}
