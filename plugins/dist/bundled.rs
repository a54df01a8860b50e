//! Made by `cargo xtask plugins`; changes are overwritten.

/// What the components are.
pub(super) const MANIFEST: &str = include_str!("manifest.json");

/// The components, packed, by name.
pub(super) const COMPONENTS: &[(&str, &[u8])] = &[
    ("json", include_bytes!("json.wasm.zst")),
    ("junit", include_bytes!("junit.wasm.zst")),
    ("markdown", include_bytes!("markdown.wasm.zst")),
    ("pytest", include_bytes!("pytest.wasm.zst")),
    ("terminal", include_bytes!("terminal.wasm.zst")),
    ("thresholds", include_bytes!("thresholds.wasm.zst")),
];
