//! The smallest test of the binary. It also makes `cargo test --workspace` build the binary before any test runs,
//! which the end-to-end tests of another package rely on.

use std::process::Command;

#[test]
fn the_binary_starts_and_tells_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_flaky")).arg("--version").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("flaky {}\n", env!("CARGO_PKG_VERSION")));
    assert!(output.stderr.is_empty(), "{output:?}");
}
