//! `cargo xtask schemas`: the published JSON Schemas, made of the types.

use std::path::Path;

use crate::{Mode, Result, read, write};

pub(crate) fn run(root: &Path, mode: Mode) -> Result<()> {
    let folder = root.join("docs/schema");
    for (name, schema) in schemas() {
        let path = folder.join(format!("{name}.schema.json"));
        let mut json = serde_json::to_vec_pretty(&schema)?;
        json.push(b'\n');
        match mode {
            Mode::Write => write(&path, &json)?,
            Mode::Check if read(&path)? == json => {}
            Mode::Check => {
                return Err(format!("{} is stale\nhint: cargo xtask schemas", path.display()).into());
            }
        }
    }
    Ok(())
}

/// Every published schema with its name.
fn schemas() -> [(&'static str, serde_json::Value); 8] {
    [
        ("config", flaky_config::schema()),
        ("job", flaky_config::job::schema()),
        ("parse", schemars::schema_for!(flaky_core::parse_document::ParseDocument).to_value()),
        ("plugin", schemars::schema_for!(flaky_plugin_kit::inspect::Inspection).to_value()),
        ("plugin-figures", schemars::schema_for!(flaky_plugin_kit::bench::Figures).to_value()),
        ("quarantine", flaky_config::quarantine::schema()),
        ("report", schemars::schema_for!(flaky_core::report::RunReport).to_value()),
        ("surroundings", schemars::schema_for!(flaky_core::surroundings::Surroundings).to_value()),
    ]
}
