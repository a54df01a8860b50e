//! What `wit-bindgen` makes of the contract: one module per interface, so that a component exports the roles its
//! author chose and no others. The types that several interfaces share are generated once, in [`shared`].
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code: it holds the calling convention of components"
)]

pub mod shared {
    wit_bindgen::generate!({
        path: "wit",
        inline: "
            package flaky:sdk;
            world shared {
                import flaky:plugin/types@0.1.0;
                import flaky:plugin/inputs@0.1.0;
                import flaky:plugin/log@0.1.0;
            }
        ",
        world: "flaky:sdk/shared",
        additional_derives: [PartialEq],
        generate_all,
    });
}

/// One module of bindings per interface; `with` names what of [`shared`] the interface uses (a name that it does
/// not use would be an error).
macro_rules! interface {
    ($module:ident, $world:literal, $macro:literal, $path:literal, { $($with:literal: $shared:path),+ $(,)? }) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "wit",
                world: $world,
                additional_derives: [PartialEq],
                pub_export_macro: true,
                export_macro_name: $macro,
                default_bindings_module: $path,
                with: { $($with: $shared),+ },
            });
        }
    };
}

interface!(as_plugin, "as-plugin", "export_plugin", "flaky_plugin_sdk::bindings::as_plugin", {
    "flaky:plugin/types@0.1.0": crate::bindings::shared::flaky::plugin::types,
    "flaky:plugin/log@0.1.0": crate::bindings::shared::flaky::plugin::log,
});
interface!(as_parser, "as-parser", "export_parser", "flaky_plugin_sdk::bindings::as_parser", {
    "flaky:plugin/types@0.1.0": crate::bindings::shared::flaky::plugin::types,
    "flaky:plugin/inputs@0.1.0": crate::bindings::shared::flaky::plugin::inputs,
});
interface!(as_packed_parser, "as-packed-parser", "export_packed_parser", "flaky_plugin_sdk::bindings::as_packed_parser", {
    "flaky:plugin/types@0.1.0": crate::bindings::shared::flaky::plugin::types,
    "flaky:plugin/inputs@0.1.0": crate::bindings::shared::flaky::plugin::inputs,
});
interface!(as_framework, "as-framework", "export_framework", "flaky_plugin_sdk::bindings::as_framework", {
    "flaky:plugin/types@0.1.0": crate::bindings::shared::flaky::plugin::types,
    "flaky:plugin/inputs@0.1.0": crate::bindings::shared::flaky::plugin::inputs,
});
interface!(as_policy, "as-policy", "export_policy", "flaky_plugin_sdk::bindings::as_policy", {
    "flaky:plugin/types@0.1.0": crate::bindings::shared::flaky::plugin::types,
});
interface!(as_reporter, "as-reporter", "export_reporter", "flaky_plugin_sdk::bindings::as_reporter", {
    "flaky:plugin/types@0.1.0": crate::bindings::shared::flaky::plugin::types,
    "flaky:plugin/inputs@0.1.0": crate::bindings::shared::flaky::plugin::inputs,
});
