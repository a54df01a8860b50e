//! `LastTest.log`, which `ctest` leaves in every build folder: what tests printed, which it shows only when asked to.

use std::collections::HashMap;

use flaky_plugin_console::{MOST_TEXT, push_line, visible};
use flaky_plugin_sdk::Attempt;

/// Where it stands.
pub(crate) const FILE: &str = "**/Testing/Temporary/LastTest.log";

/// The last output of each test, by name.
pub(crate) fn read(attempt: &Attempt<'_>) -> HashMap<String, String> {
    let mut outputs = HashMap::new();
    for (_, blob) in attempt.tree_files().filter(|(path, _)| path.ends_with("Testing/Temporary/LastTest.log"))
    {
        let mut name = String::new();
        let mut output: Option<String> = None;
        let mut lines = blob.lines();
        while let Some(line) = lines.next_line() {
            let text = visible(line.bytes);
            match &mut output {
                Some(_) if text == "<end of output>" => {
                    let text: String = output.take().unwrap_or_default();
                    outputs.insert(std::mem::take(&mut name), text.trim_end().to_owned());
                }
                Some(output) => {
                    let is_rule = output.is_empty() && text.starts_with("-----");
                    if !is_rule && output.len() < MOST_TEXT {
                        push_line(output, &text);
                    }
                }
                None if text == "Output:" => output = Some(String::new()),
                None => {
                    if let Some((_, test)) =
                        text.split_once("/").and_then(|(_, rest)| rest.split_once(" Test: "))
                    {
                        test.clone_into(&mut name);
                    }
                }
            }
        }
    }
    outputs
}
