//! Plugins in Rust.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::Kind;
use crate::cargo::{self, Build, TARGET, Toolchain};
use crate::component;
use crate::language::{BuildError, BuildRequest, Built, Need, Recipe};
use crate::process::answer;
use crate::template::{TemplateFile, files};

/// The manifest of a template. It has another name here: what holds a `Cargo.toml` is a package of its own to cargo, which
/// would leave the folder out of ours.
macro_rules! manifest {
    ($folder:literal, $path:literal) => {
        TemplateFile {
            path: $path,
            content: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/templates/rust/",
                $folder,
                "/Cargo.toml.txt"
            )),
        }
    };
}

/// A file of `plugins/sdk`, below `sdk/` of the project.
macro_rules! sdk_file {
    ($path:literal) => {
        TemplateFile {
            path: concat!("sdk/", $path),
            content: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sdks/rust/", $path)),
        }
    };
}

/// Built by cargo for a target without an operating system, and made a component within this process.
#[derive(Debug)]
pub(crate) struct Rust;

/// The section by which a project is known.
const SECTION: &str = "[package.metadata.flaky]";

/// Where toolchains come from, for those who have none.
const RUSTUP: &str = "install Rust: https://rustup.rs";

impl Recipe for Rust {
    fn template(&self, kind: Kind) -> Vec<TemplateFile> {
        let (manifest, own): (_, &[TemplateFile]) = match kind {
            Kind::Policy => (
                manifest!("policy", "Cargo.toml"),
                files!("rust/policy": "README.md", ".gitignore", "src/lib.rs"),
            ),
            Kind::Parser => (
                manifest!("parser", "Cargo.toml"),
                files!("rust/parser": "README.md", ".gitignore", "src/lib.rs"),
            ),
            Kind::Reporter => (
                manifest!("reporter", "Cargo.toml"),
                files!("rust/reporter": "README.md", ".gitignore", "src/lib.rs"),
            ),
        };
        [&[manifest], own, SDK].concat()
    }

    fn recognises(&self, project: &Path) -> bool {
        let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().any(|line| line.trim() == SECTION)
    }

    fn needs(&self, _: Option<&Path>) -> Vec<Need> {
        let toolchain = Toolchain::find().ok();
        let target = toolchain.as_ref().filter(|toolchain| toolchain.has_target());
        vec![
            Need {
                tool: "cargo",
                purpose: "builds the plugin",
                found: answer(cargo::cargo().arg("--version").stderr(Stdio::null())),
                bring: RUSTUP.into(),
            },
            Need {
                tool: "rustc",
                purpose: "compiles it",
                found: toolchain.as_ref().map(|toolchain| toolchain.version.clone()),
                bring: RUSTUP.into(),
            },
            Need {
                tool: TARGET,
                purpose: "plugins are compiled for",
                found: target.map(|_| "installed".into()),
                bring: format!("rustup target add {TARGET}"),
            },
        ]
    }

    fn build(&self, request: &BuildRequest<'_>) -> Result<Built, BuildError> {
        if let Some(need) = self.needs(Some(request.project)).into_iter().find(|need| need.found.is_none()) {
            return Err(need.missing());
        }
        let name = cargo::package_name(request.project)?;
        let module = Build {
            workspace: request.project,
            shown_as: "/plugin",
            package: request.project,
            profile: "release",
            features: &[],
            target_folder: None,
            locked: false,
            verbosity: request.verbosity,
        }
        .run()?;
        let wrong = |why: String| BuildError::Result { path: module.clone(), why, hint: None };
        let bytes = fs::read(&module).map_err(|e| wrong(e.to_string()))?;
        let component = component::encode(&bytes).map_err(|e| BuildError::Result {
            path: module.clone(),
            why: e.to_string(),
            hint: Some("name the plugin's roles once: `flaky_plugin_sdk::export!(Mine: policy);`".into()),
        })?;
        Ok(Built { name, component })
    }

    fn built_folders(&self) -> &'static [&'static str] {
        &["target"]
    }
}

/// The SDK as it came with this program: needs no registry, and surely fits the contract that the program speaks.
const SDK: &[TemplateFile] = &[
    manifest!("sdk", "sdk/Cargo.toml"),
    sdk_file!("src/attempt.rs"),
    sdk_file!("src/bindings.rs"),
    sdk_file!("src/blob.rs"),
    sdk_file!("src/build.rs"),
    sdk_file!("src/exports.rs"),
    sdk_file!("src/lib.rs"),
    sdk_file!("src/log.rs"),
    sdk_file!("src/native.rs"),
    sdk_file!("src/packed.rs"),
    sdk_file!("src/project.rs"),
    sdk_file!("src/report.rs"),
    sdk_file!("src/report/test.rs"),
    sdk_file!("src/report/values.rs"),
    sdk_file!("src/report/words.rs"),
    sdk_file!("src/roles.rs"),
    sdk_file!("src/settings.rs"),
    sdk_file!("src/surroundings.rs"),
    sdk_file!("src/terminal.rs"),
    sdk_file!("wit/plugin.wit"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_is_taken_in_whole() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/sdk");
        let mut folders = vec![root.join("src"), root.join("wit")];
        let mut expected = vec!["sdk/Cargo.toml".to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    expected.push(format!("sdk/{}", path.strip_prefix(&root).unwrap().display()));
                }
            }
        }
        expected.sort();
        let mut taken: Vec<&str> = SDK.iter().map(|file| file.path).collect();
        taken.sort_unstable();
        assert_eq!(taken, expected);
    }

    /// A workspace's member inherits what a crate that stands alone has to say itself.
    #[test]
    fn the_sdk_that_stands_alone_has_the_dependencies_and_features_of_the_one_here() {
        let read = |path: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        let (workspace, here) = (read("../../Cargo.toml"), read("../../plugins/sdk/Cargo.toml"));
        let alone = SDK[0].content;
        let section = |text: &str, name: &str| -> Vec<String> {
            let lines = text.lines().skip_while(|line| *line != format!("[{name}]")).skip(1);
            let lines =
                lines.take_while(|line| !line.starts_with('[')).map(|line| line.split(" #").next().unwrap());
            lines.filter(|line| line.contains('=')).map(str::to_owned).collect()
        };
        assert_eq!(section(&here, "features"), section(alone, "features"));
        let of_workspace = section(&workspace, "workspace.dependencies");
        let resolved: Vec<String> = section(&here, "dependencies")
            .iter()
            .map(|line| {
                let name = line.split(['.', ' ']).next().unwrap();
                let found = of_workspace.iter().find(|l| l.split(' ').next() == Some(name)).unwrap();
                match (line.contains("optional = true"), found.strip_suffix('}')) {
                    (false, _) => found.clone(),
                    (true, Some(table)) => format!("{}, optional = true }}", table.trim_end()),
                    (true, None) => {
                        let version = found.split(" = ").nth(1).unwrap();
                        format!("{name} = {{ version = {version}, optional = true }}")
                    }
                }
            })
            .collect();
        assert_eq!(section(alone, "dependencies"), resolved);
        for line in ["edition = \"2024\"", "rust-version = \"1.95\""] {
            assert!(workspace.contains(line) && alone.contains(line), "{line}");
        }
    }
}
