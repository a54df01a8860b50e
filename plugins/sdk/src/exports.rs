//! Between the generated bindings and the traits of the author: the generated `Guest` traits, implemented once for
//! all plugins. Only [`export!`](crate::export) uses this.

use std::cell::OnceCell;
use std::marker::PhantomData;
use std::sync::Once;

use crate::bindings::shared::flaky::plugin::inputs;
use crate::bindings::{as_framework, as_packed_parser, as_parser, as_plugin, as_policy, as_reporter};
use crate::{
    Attempt, AttemptContext, Blob, Command, Delivery, Detection, Evidence, Framework, InstallPlan,
    Instrumented, Manifest, PackedAttempt, PackedParser, ParsedAttempt, Parser, Plugin, PluginError, Policy,
    Project, RenderContext, Reporter, Result, RunSummary, Selection, Settings, Verdict, log,
};

/// Where the one plugin of a component instance lives.
pub trait Home {
    /// The author's type.
    type Plugin: Plugin;

    /// Gives the cell that holds the plugin.
    fn with<R>(call: impl FnOnce(&OnceCell<Self::Plugin>) -> R) -> R;
}

/// The type that the exports of a component call.
#[derive(Debug)]
pub struct Exports<H>(PhantomData<H>);

impl<H: Home> Exports<H> {
    fn call<R>(call: impl FnOnce(&H::Plugin) -> R) -> R {
        tell_panics();
        H::with(|cell| call(cell.get_or_init(H::Plugin::default)))
    }
}

/// Sends the text of a panic to the host before the trap, which could only say where in the code it was.
fn tell_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| log::error(&panic.to_string()))));
}

impl<H: Home> as_plugin::exports::flaky::plugin::plugin::Guest for Exports<H> {
    fn describe() -> Manifest {
        tell_panics();
        H::Plugin::describe()
    }

    fn configure(settings: String) -> Result<()> {
        tell_panics();
        let mut plugin = H::Plugin::default();
        plugin.configure(&Settings::new(&settings))?;
        H::with(|cell| cell.set(plugin)).map_err(|_| {
            PluginError::new("configured-late", "the host configured an instance that was in use")
        })
    }
}

impl<H: Home<Plugin: Parser>> as_parser::exports::flaky::plugin::parser::Guest for Exports<H> {
    fn parse(attempt: &inputs::Attempt) -> Result<ParsedAttempt> {
        Self::call(|plugin| plugin.parse(&Attempt::lent(attempt)))
    }
}

impl<H: Home<Plugin: PackedParser>> as_packed_parser::exports::flaky::plugin::packed_parser::Guest
    for Exports<H>
{
    fn parse(attempt: &inputs::Attempt) -> Result<PackedAttempt> {
        Self::call(|plugin| plugin.parse(&Attempt::lent(attempt)))
    }
}

impl<H: Home<Plugin: Framework>> as_framework::exports::flaky::plugin::framework::Guest for Exports<H> {
    fn detect(project: &inputs::Project) -> Result<Vec<Detection>> {
        Self::call(|plugin| plugin.detect(&Project::lent(project)))
    }

    fn recognises(argv: Vec<String>) -> bool {
        Self::call(|plugin| plugin.recognises(&argv))
    }

    fn install(project: &inputs::Project, root: String, env_dir: String) -> Result<InstallPlan> {
        Self::call(|plugin| plugin.install(&Project::lent(project), &root, &env_dir))
    }

    fn instrument(command: Command, context: AttemptContext) -> Result<Instrumented> {
        Self::call(|plugin| plugin.instrument(command, &context))
    }

    fn select(command: Command, selection: Selection) -> Result<Command> {
        Self::call(|plugin| plugin.select(command, &selection))
    }
}

impl<H: Home<Plugin: Policy>> as_policy::exports::flaky::plugin::policy::Guest for Exports<H> {
    fn classify(batch: Vec<Evidence>) -> Result<Vec<Option<Verdict>>> {
        Self::call(|plugin| plugin.classify(&batch))
    }

    fn summarise(run: RunSummary) -> Result<Option<Verdict>> {
        Self::call(|plugin| plugin.summarise(&run))
    }
}

impl<H: Home<Plugin: Reporter>> as_reporter::exports::flaky::plugin::reporter::Guest for Exports<H> {
    fn render(report: &inputs::Blob, context: RenderContext) -> Result<Vec<Delivery>> {
        Self::call(|plugin| plugin.render(&Blob::lent(report), &context))
    }
}

/// Makes a component of a plugin: names its type and its roles.
///
/// Roles: `parser`, `packed_parser`, `framework`, `policy`, `reporter`. Each needs the trait of the same name.
/// Natively the macro only checks that the traits are there, so that a plugin's crate can be tested as any other.
///
/// ```
/// use flaky_plugin_sdk::{Evidence, Manifest, Plugin, Policy, Result, Verdict};
///
/// #[derive(Default)]
/// struct Undecided;
///
/// impl Plugin for Undecided {
///     fn describe() -> Manifest {
///         Manifest::new("undecided", "1.0.0", "leaves everything to the next policy")
///     }
/// }
///
/// impl Policy for Undecided {
///     fn classify(&self, batch: &[Evidence]) -> Result<Vec<Option<Verdict>>> {
///         Ok(vec![None; batch.len()])
///     }
/// }
///
/// flaky_plugin_sdk::export!(Undecided: policy);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    ($plugin:ty: $($role:ident),+ $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "the calling convention of components")]
        const _: () = {
            struct Place;

            impl $crate::exports::Home for Place {
                type Plugin = $plugin;

                fn with<R>(call: impl FnOnce(&::std::cell::OnceCell<$plugin>) -> R) -> R {
                    ::std::thread_local! {
                        static PLUGIN: ::std::cell::OnceCell<$plugin> = const { ::std::cell::OnceCell::new() };
                    }
                    PLUGIN.with(call)
                }
            }

            type Exported = $crate::exports::Exports<Place>;

            $crate::bindings::as_plugin::export_plugin!(Exported with_types_in $crate::bindings::as_plugin);
            $($crate::__export_role!($role Exported);)+
        };
        $($crate::__check_role!($role $plugin);)+
    };
}

/// The exports of one role.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_role {
    (parser $exported:ident) => {
        $crate::bindings::as_parser::export_parser!($exported with_types_in $crate::bindings::as_parser);
    };
    (packed_parser $exported:ident) => {
        $crate::bindings::as_packed_parser::export_packed_parser!($exported with_types_in $crate::bindings::as_packed_parser);
    };
    (framework $exported:ident) => {
        $crate::bindings::as_framework::export_framework!($exported with_types_in $crate::bindings::as_framework);
    };
    (policy $exported:ident) => {
        $crate::bindings::as_policy::export_policy!($exported with_types_in $crate::bindings::as_policy);
    };
    (reporter $exported:ident) => {
        $crate::bindings::as_reporter::export_reporter!($exported with_types_in $crate::bindings::as_reporter);
    };
}

/// An error at compile time when the trait of a role is missing.
#[doc(hidden)]
#[macro_export]
macro_rules! __check_role {
    (parser $plugin:ty) => {
        const _: fn(&$plugin, &$crate::Attempt<'_>) -> $crate::Result<$crate::ParsedAttempt> =
            <$plugin as $crate::Parser>::parse;
    };
    (packed_parser $plugin:ty) => {
        const _: fn(&$plugin, &$crate::Attempt<'_>) -> $crate::Result<$crate::PackedAttempt> =
            <$plugin as $crate::PackedParser>::parse;
    };
    (framework $plugin:ty) => {
        const _: fn(&$plugin, &[::std::string::String]) -> bool = <$plugin as $crate::Framework>::recognises;
    };
    (policy $plugin:ty) => {
        const _: fn(&$plugin, &$crate::RunSummary) -> $crate::Result<::std::option::Option<$crate::Verdict>> =
            <$plugin as $crate::Policy>::summarise;
    };
    (reporter $plugin:ty) => {
        const _: fn(
            &$plugin,
            &$crate::Blob<'_>,
            &$crate::RenderContext,
        ) -> $crate::Result<::std::vec::Vec<$crate::Delivery>> = <$plugin as $crate::Reporter>::render;
    };
    ($other:ident $plugin:ty) => {
        ::std::compile_error!(::std::concat!(
            "unknown role `",
            ::std::stringify!($other),
            "`: expected `parser`, `packed_parser`, `framework`, `policy` or `reporter`"
        ));
    };
}
