//! The tests of a report as CSV, by RFC 4180.

use flaky_plugin_sdk::report::Report;
use flaky_plugin_sdk::{
    Blob, Delivery, File, Manifest, Plugin, PluginError, RenderContext, Reporter, Result,
};

/// Largest report that is read: it has to fit into the plugin's memory twice.
const MOST_BYTES: u64 = 32 << 20;

/// Takes no settings.
#[derive(Debug, Default)]
struct Table;

impl Plugin for Table {
    fn describe() -> Manifest {
        Manifest::new("{{name}}", env!("CARGO_PKG_VERSION"), "the tests of a report as CSV")
    }
}

impl Reporter for Table {
    fn render(&self, report: &Blob<'_>, _: &RenderContext) -> Result<Vec<Delivery>> {
        let report = Report::from_json(&report.read_to_end(MOST_BYTES)?)
            .map_err(|error| PluginError::new("invalid-report", error.to_string()))?;
        let mut text = String::from("test,verdict,failures,ran\r\n");
        for test in &report.tests {
            let row = [cell(&test.id), test.verdict.to_string(), test.failures.to_string(), test.ran.to_string()];
            text.push_str(&row.join(","));
            text.push_str("\r\n");
        }
        // An empty path is the file that the user named.
        Ok(vec![Delivery::File(File { path: String::new(), content: text.into_bytes() })])
    }
}

/// In quotes, which the names of tests cannot end.
fn cell(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

flaky_plugin_sdk::export!(Table: reporter);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_names_are_doubled() {
        assert_eq!(cell("a[\"b\"]"), "\"a[\"\"b\"\"]\"");
    }
}
