//! Where in a project a tool has something to run.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use flaky_plugin_sdk::{Command, Detection, Project, Result};

use super::package::Package;
use super::{Invocation, Tool, below, folder_of, name_of};

/// More detections than this help nobody to choose.
const MOST_DETECTIONS: usize = 50;

/// The folders with a `package.json` whose tests the tool runs, the best first. A script that runs it says most, then
/// settings of its own, then that it is among the needs.
///
/// # Errors
/// When a file of the project cannot be read.
pub fn detect(tool: &Tool, project: &Project<'_>) -> Result<Vec<Detection>> {
    let files = project.files();
    let mut settings: BTreeMap<&str, &str> = BTreeMap::new();
    for file in &files {
        let name = name_of(file);
        if tool.settings.iter().any(|start| name.starts_with(start)) {
            settings.entry(folder_of(file)).or_insert(name);
        }
    }
    let mut found = Vec::new();
    for file in files.iter().filter(|file| name_of(file) == "package.json") {
        let root = folder_of(file);
        let Some(package) = Package::read(project, file)? else { continue };
        if let Some((confidence, reason)) = sign(tool, &package, settings.remove(root)) {
            found.push(detection(tool, root, confidence, reason, &package));
        }
    }
    // Settings without a package beside them: the package is further up, or there is none.
    for (root, name) in settings {
        let reason = format!("`{}` has its settings", below(root, name));
        found.push(detection(tool, root, 60, reason, &Package::default()));
    }
    found.sort_by_key(|detection| {
        (Reverse(detection.confidence), detection.root.matches('/').count(), !detection.root.is_empty())
    });
    found.truncate(MOST_DETECTIONS);
    Ok(found)
}

fn sign(tool: &Tool, package: &Package, settings: Option<&str>) -> Option<(u8, String)> {
    if package.test_script().is_some_and(|script| Invocation::in_shell(tool, script)) {
        return Some((97, "the script `test` of `package.json` runs it".to_owned()));
    }
    let script = package
        .scripts
        .iter()
        .find(|(name, script)| name.starts_with("test") && Invocation::in_shell(tool, script));
    if let Some(name) = settings {
        return Some((94, format!("`{name}` has its settings")));
    }
    if let Some((name, _)) = script {
        return Some((92, format!("the script `{name}` of `package.json` runs it")));
    }
    if tool.key.is_some_and(|key| package.keys.iter().any(|known| known == key)) {
        return Some((94, "`package.json` has its settings".to_owned()));
    }
    let needed = !tool.package.is_empty() && package.needs.iter().any(|need| need == tool.package);
    needed.then(|| (88, format!("`package.json` names {}", tool.package)))
}

fn detection(tool: &Tool, root: &str, confidence: u8, reason: String, package: &Package) -> Detection {
    let runs = |script: &str| Invocation::in_shell(tool, script);
    let command = match package.test_script() {
        Some(script) if tool.options_first && runs(script) => match words(package, script) {
            Some(words) => Command::new(words),
            None => Command::new(["npm", "test"]),
        },
        Some(script) if runs(script) => Command::new(["npm", "test"]),
        _ => Command::new(tool.command.iter().copied()),
    };
    Detection {
        name: tool.name.to_owned(),
        root: root.to_owned(),
        confidence,
        reason,
        default_command: command.cwd(root),
    }
}

/// The words of a script that a shell would run as they stand, and nothing before or after it.
fn words<'s>(package: &Package, script: &'s str) -> Option<Vec<&'s str>> {
    let alone = ["pretest", "posttest"].iter().all(|name| !package.scripts.contains_key(*name));
    let plain = script.chars().all(|c| c.is_ascii_alphanumeric() || " -_./:,@+".contains(c));
    (alone && plain).then(|| script.split_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    const NODE: Tool = Tool {
        name: "node-test",
        programs: &["node"],
        verbs: &["--test"],
        package: "",
        key: None,
        settings: &[],
        command: &["node", "--test"],
        options_first: true,
    };

    #[test]
    fn a_plain_script_is_proposed_as_it_stands_where_options_come_first() {
        let cases = [
            (r#""test": "node --test""#, "node --test"),
            (r#""test": "node --test test/a.js""#, "node --test test/a.js"),
            (r#""test": "node --test test/*.js""#, "npm test"),
            (r#""test": "node --test && echo done""#, "npm test"),
            (r#""pretest": "make", "test": "node --test""#, "npm test"),
        ];
        for (scripts, command) in cases {
            let files = Files::default().file("package.json", format!("{{\"scripts\": {{{scripts}}}}}"));
            let found = detect(&NODE, &files.project()).unwrap_or_default();
            let proposed = found.first().map(|found| found.default_command.argv.join(" "));
            assert_eq!(proposed.as_deref(), Some(command), "{scripts}");
        }
    }
}
