//! Plugins in Python.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Kind;
use crate::language::sdk::built_by_sdk;
use crate::language::{BuildError, BuildRequest, Built, Need, Recipe};
use crate::process::answer;
use crate::template::{TemplateFile, files};

/// A file of `sdks/python`, below `sdk/` of the project.
macro_rules! sdk_file {
    ($path:literal) => {
        TemplateFile {
            path: concat!("sdk/", $path),
            content: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sdks/python/", $path)),
        }
    };
}

/// Made a component by `componentize-py`, which the project's SDK calls.
#[derive(Debug)]
pub(crate) struct Python;

/// The section by which a project is known.
const SECTION: &str = "[tool.flaky]";

/// Brings everything, in the project's folder.
const INSTALL: &str = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt";

/// Where Python comes from, for those who have none.
const PYTHON: &str = "install Python 3.11 or newer: https://www.python.org/downloads/";

impl Recipe for Python {
    fn template(&self, kind: Kind) -> Vec<TemplateFile> {
        let own: &[TemplateFile] = match kind {
            Kind::Policy => files!("python/policy": "README.md", "src/plugin.py", "tests/test_plugin.py"),
            Kind::Parser => files!("python/parser": "README.md", "src/plugin.py", "tests/test_plugin.py"),
            Kind::Reporter => files!("python/reporter": "README.md", "src/plugin.py", "tests/test_plugin.py"),
        };
        let common: &[TemplateFile] =
            files!("python/common": "pyproject.toml", "requirements.txt", ".gitignore");
        [own, common, SDK].concat()
    }

    fn recognises(&self, project: &Path) -> bool {
        let manifest = fs::read_to_string(project.join("pyproject.toml")).unwrap_or_default();
        manifest.lines().any(|line| line.trim() == SECTION)
    }

    fn needs(&self, project: Option<&Path>) -> Vec<Need> {
        let python = python(project);
        let package = |name: &str| {
            let program = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))";
            answer(Command::new(&python).args(["-c", program, name]).stderr(Stdio::null()))
        };
        let mut needs = vec![Need {
            tool: "python3",
            purpose: "builds the plugin",
            found: answer(Command::new(&python).arg("--version")),
            bring: PYTHON.into(),
        }];
        // These are the project's own: outside of one nothing is missing.
        if project.is_some() {
            needs.push(Need {
                tool: "flaky-plugin-sdk",
                purpose: "plugins are written with",
                found: package("flaky-plugin-sdk"),
                bring: INSTALL.into(),
            });
            needs.push(Need {
                tool: "componentize-py",
                purpose: "makes the component",
                found: package("componentize-py"),
                bring: INSTALL.into(),
            });
        }
        needs
    }

    fn build(&self, request: &BuildRequest<'_>) -> Result<Built, BuildError> {
        if let Some(need) = self.needs(Some(request.project)).into_iter().find(|need| need.found.is_none()) {
            return Err(need.missing());
        }
        let mut command = Command::new(python(Some(request.project)));
        command.args(["-m", "flaky_plugin_sdk"]);
        built_by_sdk(&mut command, request)
    }

    fn built_folders(&self) -> &'static [&'static str] {
        &[".venv", "__pycache__", ".pytest_cache", ".mypy_cache", "sdk"]
    }
}

/// The Python that has the project's packages: its own environment, else the one that is active, else the system's.
fn python(project: Option<&Path>) -> OsString {
    let of = |environment: PathBuf| {
        let places = [environment.join("bin/python"), environment.join("Scripts/python.exe")];
        places.into_iter().find(|python| python.is_file()).map(PathBuf::into_os_string)
    };
    let own = project.and_then(|project| of(project.join(".venv")));
    let active = || env::var_os("VIRTUAL_ENV").and_then(|folder| of(PathBuf::from(folder)));
    own.or_else(active).unwrap_or_else(|| if cfg!(windows) { "python" } else { "python3" }.into())
}

/// The SDK as it came with this program: needs no registry, and surely fits the contract that the
/// program speaks.
const SDK: &[TemplateFile] = &[
    sdk_file!("README.md"),
    sdk_file!("pyproject.toml"),
    sdk_file!("src/flaky_plugin_sdk/__init__.py"),
    sdk_file!("src/flaky_plugin_sdk/__main__.py"),
    sdk_file!("src/flaky_plugin_sdk/build.py"),
    sdk_file!("src/flaky_plugin_sdk/component/__init__.py"),
    sdk_file!("src/flaky_plugin_sdk/component/parser.py"),
    sdk_file!("src/flaky_plugin_sdk/component/plugin.py"),
    sdk_file!("src/flaky_plugin_sdk/component/policy.py"),
    sdk_file!("src/flaky_plugin_sdk/component/reporter.py"),
    sdk_file!("src/flaky_plugin_sdk/contract.py"),
    sdk_file!("src/flaky_plugin_sdk/inputs.py"),
    sdk_file!("src/flaky_plugin_sdk/log.py"),
    sdk_file!("src/flaky_plugin_sdk/py.typed"),
    sdk_file!("src/flaky_plugin_sdk/report.py"),
    sdk_file!("src/flaky_plugin_sdk/roles.py"),
    sdk_file!("src/flaky_plugin_sdk/testing.py"),
    sdk_file!("src/flaky_plugin_sdk/wit/plugin.wit"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::tests::sdk_files;

    #[test]
    fn the_sdk_is_taken_in_whole() {
        let mut expected = sdk_files("python", &["src", "README.md", "pyproject.toml"]);
        expected.sort();
        let mut taken: Vec<_> = SDK.iter().map(|file| file.path.to_owned()).collect();
        taken.sort();
        assert_eq!(taken, expected);
    }

    #[test]
    fn a_project_is_known_by_its_section() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pyproject.toml");
        for (text, known) in
            [("[tool.flaky]\nplugin = \"plugin:Mine\"\n", true), ("[tool.flakyish]\n", false)]
        {
            fs::write(&file, text).unwrap();
            assert_eq!(Python.recognises(folder.path()), known, "{text}");
        }
    }

    #[test]
    fn a_project_without_an_environment_is_told_the_command_that_makes_it() {
        let folder = tempfile::tempdir().unwrap();
        let needs = Python.needs(Some(folder.path()));
        let sdk = needs.iter().find(|need| need.tool == "flaky-plugin-sdk").unwrap();
        assert_eq!(sdk.bring, INSTALL);
        assert_eq!(Python.needs(None).len(), 1, "outside of a project nothing of one is missing");
    }
}
