//! Plugins in JavaScript and TypeScript.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Kind;
use crate::language::sdk::built_by_sdk;
use crate::language::{BuildError, BuildRequest, Built, Need, Recipe};
use crate::process::answer;
use crate::template::{TemplateFile, files};

/// A file of `sdks/javascript`, below `sdk/` of the project.
macro_rules! sdk_file {
    ($path:literal) => {
        TemplateFile {
            path: concat!("sdk/", $path),
            content: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sdks/javascript/", $path)),
        }
    };
}

/// Bundled, and made a component by `componentize-js`: the project's SDK calls both.
#[derive(Debug)]
pub(crate) struct JavaScript;

/// Brings everything, in the project's folder.
const INSTALL: &str = "npm install";

/// Where Node comes from, for those who have none.
const NODE: &str = "install Node.js 20 or newer: https://nodejs.org/";

/// The SDK's command, below `node_modules`.
const BIN: &str = "flaky-plugin-sdk/bin/flaky-plugin.js";

/// The packages that the SDK builds with, and what for.
const TOOLS: [(&str, &str); 2] =
    [("@bytecodealliance/componentize-js", "makes the component"), ("rolldown", "bundles the plugin")];

impl Recipe for JavaScript {
    fn template(&self, kind: Kind) -> Vec<TemplateFile> {
        let own: &[TemplateFile] = match kind {
            Kind::Policy => files!("javascript/policy": "README.md", "src/plugin.js", "tests/plugin.test.js"),
            Kind::Parser => files!("javascript/parser": "README.md", "src/plugin.js", "tests/plugin.test.js"),
            Kind::Reporter => {
                files!("javascript/reporter": "README.md", "src/plugin.js", "tests/plugin.test.js")
            }
        };
        let common: &[TemplateFile] =
            files!("javascript/common": "package.json", "jsconfig.json", ".gitignore");
        [own, common, SDK].concat()
    }

    fn recognises(&self, project: &Path) -> bool {
        package(&project.join("package.json")).is_some_and(|package| package["flaky"].is_object())
    }

    fn needs(&self, project: Option<&Path>) -> Vec<Need> {
        let mut needs = vec![Need {
            tool: "node",
            purpose: "builds the plugin",
            found: answer(Command::new("node").arg("--version")),
            bring: NODE.into(),
        }];
        // These are the project's own: outside of one nothing is missing.
        if let Some(project) = project {
            let sdk = sdk(project);
            needs.push(Need {
                tool: "flaky-plugin-sdk",
                purpose: "plugins are written with",
                found: sdk.as_deref().and_then(|sdk| version(&sdk.join("package.json"))),
                bring: INSTALL.into(),
            });
            needs.extend(TOOLS.map(|(tool, purpose)| Need {
                tool,
                purpose,
                found: sdk.as_deref().and_then(|sdk| installed(sdk, tool)),
                bring: INSTALL.into(),
            }));
        }
        needs
    }

    fn build(&self, request: &BuildRequest<'_>) -> Result<Built, BuildError> {
        if let Some(need) = self.needs(Some(request.project)).into_iter().find(|need| need.found.is_none()) {
            return Err(need.missing());
        }
        let mut command = Command::new("node");
        command.arg(request.project.join("node_modules").join(BIN));
        built_by_sdk(&mut command, request)
    }

    fn built_folders(&self) -> &'static [&'static str] {
        &["node_modules", "sdk"]
    }
}

fn package(file: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(file).ok()?).ok()
}

fn version(file: &Path) -> Option<String> {
    package(file)?["version"].as_str().map(str::to_owned)
}

/// The real folder of the project's SDK: node resolves what it needs from there.
fn sdk(project: &Path) -> Option<PathBuf> {
    project.join("node_modules").join("flaky-plugin-sdk").canonicalize().ok()
}

/// The version of a package as node would find it from this folder.
fn installed(from: &Path, name: &str) -> Option<String> {
    from.ancestors().find_map(|folder| version(&folder.join("node_modules").join(name).join("package.json")))
}

/// The SDK as it came with this program: needs no registry, and surely fits the contract that the
/// program speaks.
const SDK: &[TemplateFile] = &[
    sdk_file!("README.md"),
    sdk_file!("package.json"),
    sdk_file!("bin/flaky-plugin.js"),
    sdk_file!("src/build.js"),
    sdk_file!("src/component.js"),
    sdk_file!("src/error.js"),
    sdk_file!("src/index.d.ts"),
    sdk_file!("src/index.js"),
    sdk_file!("src/inputs.js"),
    sdk_file!("src/log.js"),
    sdk_file!("src/testing.d.ts"),
    sdk_file!("src/testing.js"),
    sdk_file!("wit/plugin.wit"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::tests::sdk_files;

    #[test]
    fn the_sdk_is_taken_in_whole() {
        let mut expected = sdk_files("javascript", &["src", "bin", "wit", "README.md", "package.json"]);
        expected.sort();
        let mut taken: Vec<_> = SDK.iter().map(|file| file.path.to_owned()).collect();
        taken.sort();
        assert_eq!(taken, expected);
    }

    #[test]
    fn a_project_is_known_by_its_section() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("package.json");
        let plugin = r#"{ "name": "a", "flaky": { "plugin": "src/plugin.js" } }"#;
        for (text, known) in [(plugin, true), (r#"{ "name": "flaky" }"#, false), ("no JSON", false)] {
            fs::write(&file, text).unwrap();
            assert_eq!(JavaScript.recognises(folder.path()), known, "{text}");
        }
    }

    #[test]
    fn tools_are_found_as_node_finds_them() {
        let folder = tempfile::tempdir().unwrap();
        let sdk = folder.path().join("project/sdk");
        let tool = folder.path().join("node_modules/rolldown");
        fs::create_dir_all(&sdk).unwrap();
        fs::create_dir_all(&tool).unwrap();
        fs::write(tool.join("package.json"), r#"{ "version": "1.2.3" }"#).unwrap();
        assert_eq!(installed(&sdk, "rolldown").as_deref(), Some("1.2.3"));
        assert_eq!(installed(&sdk, "esbuild"), None);
    }
}
