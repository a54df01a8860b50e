//! Messages about the plugin itself. The host caps them and shows them on demand; a plugin needs none of them to
//! do its work. Natively they go nowhere.

use crate::bindings::shared::flaky::plugin::log as host;

/// For whoever looks for a fault in the plugin.
pub fn debug(message: &str) {
    write(host::Level::Debug, message);
}

/// Worth knowing, and expected.
pub fn info(message: &str) {
    write(host::Level::Info, message);
}

/// Something was left out or guessed.
pub fn warn(message: &str) {
    write(host::Level::Warn, message);
}

/// The plugin could not do what it was asked.
pub fn error(message: &str) {
    write(host::Level::Error, message);
}

fn write(level: host::Level, message: &str) {
    if cfg!(target_arch = "wasm32") {
        host::write(level, message);
    }
}
