//! The compiler of components alone, for this crate's tests. The `flaky` binary is its own compiler.

fn main() -> std::process::ExitCode {
    flaky_plugin_host::compiler::enter_if_asked();
    std::process::ExitCode::from(2)
}
