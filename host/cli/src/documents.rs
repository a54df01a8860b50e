//! Commands in documents are commands that exist: also those that no test can run, for want of an endpoint, say.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;

use crate::args::Cli;

#[test]
fn every_command_in_the_documents_can_be_typed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md"), root.join("BENCHMARKS.md"), root.join("CONTRIBUTING.md")];
    pages_below(&root.join("docs"), &mut pages);
    let mut commands = 0;
    let mut problems: Vec<String> = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for command in spoken(&text) {
            commands += 1;
            let words = shell_words::split(&command).unwrap();
            if let Err(error) = Cli::try_parse_from(words)
                && !matches!(
                    error.kind(),
                    clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion
                )
            {
                problems.push(format!("{}: `{command}`\n{error}", page.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(commands > 30, "only {commands} commands: does the test look at the right places?");
}

fn pages_below(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages_below(&path, pages);
        } else if path.extension().is_some_and(|end| end == "md") {
            pages.push(path);
        }
    }
}

/// Lines of code that begin with `flaky`, and such in the text that have an argument.
/// Placeholders (`RUN`) are replaced by what has their shape.
fn spoken(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut prose = String::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside && line == "```sh";
        } else if inside {
            found.push(line.split(" #").next().unwrap_or_default().trim().to_owned());
        } else {
            prose.push_str(line);
            prose.push(' ');
        }
    }
    // The name of a command is no more than that.
    let has_commands = |code: &str| {
        let mut words = code.split_whitespace().skip(1);
        words.next().is_some_and(|word| ["cache", "history", "plugin", "quarantine"].contains(&word))
    };
    let of_name = |code: &str| if has_commands(code) { 3 } else { 2 };
    let inline = prose.split('`').skip(1).step_by(2);
    let inline = inline.filter(|code| code.split_whitespace().count() > of_name(code) && !code.contains('['));
    found.extend(inline.map(str::to_owned));
    let is_command =
        |text: &String| text.starts_with("flaky ") && !text.contains('…') && !text.ends_with('\\');
    let real = |text: String| {
        text.replace(" RUN", " 20261124-034444-pnd2")
            .replace("-run ID", "-run 7")
            .replace(" NAME", " name")
            .replace("SHA256", &"0".repeat(64))
            .replace(" SHA ", " ed3d6b446133 ")
    };
    found.into_iter().filter(is_command).map(real).collect()
}
