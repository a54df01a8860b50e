//! A virtual environment of the project's own, never the user's interpreter.

use flaky_plugin_sdk::{Command, EnvChange, InstallPlan, InstallStep, Project, Result};

use super::needs::Needs;

/// Quiet, without questions and without advice on pip itself.
const PIP: [&str; 6] = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"];

/// What runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// Installed where the project does not name it.
    Pytest,
    /// Comes with the interpreter, or is what the project itself names.
    Own,
}

/// A virtual environment with what the project names: `requirements.txt`, what its tests need, the project itself
/// when it is a package, and pytest if that runs the tests. A project that names nothing runs with what is on `PATH`.
///
/// # Errors
/// A file of needs that is too large to be one.
pub fn install(project: &Project<'_>, root: &str, env_dir: &str, runner: Runner) -> Result<InstallPlan> {
    let needs = Needs::of(project, root)?;
    if needs.is_empty() {
        return Ok(InstallPlan::default());
    }
    let python = format!("{env_dir}/bin/python");
    let step = |title: String, argv: Vec<String>, network: bool| InstallStep {
        command: Command::new(argv).cwd(root).env("PYTHONHOME", EnvChange::Remove),
        title,
        network,
    };
    let pip = |title: String, what: Vec<String>| {
        let argv = std::iter::once(python.clone()).chain(PIP.map(str::to_owned)).chain(what).collect();
        step(title, argv, true)
    };
    let create = ["python3", "-m", "venv", "--clear", env_dir].map(str::to_owned).to_vec();
    let mut steps = vec![step("making a virtual environment".to_owned(), create, false)];
    for (file, _) in &needs.requirement_files {
        steps.push(pip(format!("installing what {file} names"), vec!["-r".to_owned(), file.clone()]));
    }
    if let Some(package) = &needs.package {
        let what = package.extra.as_ref().map_or_else(|| ".".to_owned(), |extra| format!(".[{extra}]"));
        steps.push(pip("installing the project itself".to_owned(), vec![what]));
    }
    if !needs.group.is_empty() {
        steps.push(pip("installing the dependency group of the tests".to_owned(), needs.group.clone()));
    }
    // By itself, because requirement files with hashes refuse anything beside them.
    if runner == Runner::Pytest && !needs.name_pytest() {
        steps.push(pip("installing pytest".to_owned(), vec!["pytest".to_owned()]));
    }
    let cache_key = cache_key(project, root, &needs, &steps);
    Ok(InstallPlan { steps, env: environment(env_dir), cache_key })
}

fn environment(env_dir: &str) -> Vec<(String, EnvChange)> {
    [
        ("PATH", EnvChange::Prepend(format!("{env_dir}/bin"))),
        ("VIRTUAL_ENV", EnvChange::Set(env_dir.to_owned())),
        ("PYTHONHOME", EnvChange::Remove),
    ]
    .map(|(name, change)| (name.to_owned(), change))
    .to_vec()
}

/// Everything that the installation depends on, but for the interpreter, which only the host can see: the commands,
/// the texts of the files that name needs, and for an installed copy of the project its sources.
fn cache_key(project: &Project<'_>, root: &str, needs: &Needs, steps: &[InstallStep]) -> String {
    let mut key = String::from("python\n");
    // The first step names the folder, which is not what it depends on.
    for step in steps.iter().skip(1) {
        key.push_str(&step.command.argv.get(1..).unwrap_or_default().join(" "));
        key.push('\n');
    }
    let descriptions = needs.package.iter().flat_map(|package| &package.descriptions);
    for (file, text) in needs.requirement_files.iter().chain(descriptions) {
        key.push_str(&format!("--- {file}\n{text}\n"));
    }
    // Files that a requirement file includes.
    for file in project.files().iter().filter(|file| file.ends_with(".txt") && in_root(file, root).is_some())
    {
        key.push_str(&format!("--- {file} {:016x}\n", project.fingerprint(file)));
    }
    if needs.package.is_some() {
        for file in project.files().iter().filter(|file| in_root(file, root).is_some_and(is_source)) {
            key.push_str(&format!("--- {file} {:016x}\n", project.fingerprint(file)));
        }
    }
    key
}

fn in_root<'f>(file: &'f str, root: &str) -> Option<&'f str> {
    if root.is_empty() { Some(file) } else { file.strip_prefix(root)?.strip_prefix('/') }
}

/// Tests are read where they stand; a change of one does not ask for another installation.
fn is_source(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    let folder = file.split('/').next().unwrap_or_default();
    let settings = [".txt", ".cfg", ".ini", ".toml"].iter().any(|end| name.ends_with(end));
    let test = name.starts_with("test_") || name.ends_with("_test.py") || name == "conftest.py";
    !settings && !test && !matches!(folder, "tests" | "test" | "testing" | "docs" | "examples")
}

#[cfg(test)]
mod tests {
    use flaky_plugin_sdk::native::Files;

    use super::*;

    /// Paths and contents.
    type Project = &'static [(&'static str, &'static str)];

    /// The arguments of every pip call, in order.
    fn steps(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().fold(Files::default(), |all, (path, text)| all.file(path, *text));
        let plan = install(&files.project(), "", "/env", Runner::Pytest).unwrap();
        let words = plan.steps.iter().map(|step| step.command.argv.get(7..).unwrap_or_default().join(" "));
        words.skip(1).collect()
    }

    #[test]
    fn what_the_project_names_is_installed_and_pytest_with_it() {
        let cases: &[(Project, &[&str])] = &[
            (&[("requirements.txt", "pytest==9.2.0\n")], &["-r requirements.txt"]),
            (&[("requirements.txt", "requests\n# pytest\n")], &["-r requirements.txt", "pytest"]),
            (&[("requirements.txt", "pytest-xdist\n")], &["-r requirements.txt", "pytest"]),
            (
                &[
                    ("requirements.txt", "requests"),
                    ("requirements-dev.txt", "pytest"),
                    ("test-requirements.txt", "pytest>7"),
                ],
                &["-r requirements.txt", "-r test-requirements.txt"],
            ),
            (&[("pyproject.toml", "[project]\nname = \"x\"\n")], &[".", "pytest"]),
            (
                &[(
                    "pyproject.toml",
                    "[project]\nname = \"x\"\n[project.optional-dependencies]\ndev = []\ntests = [\"pytest\"]",
                )],
                &[".[tests]", "pytest"],
            ),
            (
                &[(
                    "pyproject.toml",
                    "[build-system]\nrequires = []\n[dependency-groups]\ntest = [\"pytest>8\", \"attrs\"]",
                )],
                &[".", "pytest>8 attrs"],
            ),
            (&[("setup.py", "setup(extras_require={'test': []})")], &[".[test]", "pytest"]),
            (
                &[("setup.cfg", "[metadata]\nname = x\n[options.extras_require]\ntests =\n  pytest\n")],
                &[".[tests]", "pytest"],
            ),
            (&[("pyproject.toml", "[project\nname = \"broken\"")], &[".", "pytest"]),
        ];
        for (files, expected) in cases {
            assert_eq!(steps(files), *expected, "{files:?}");
        }
    }

    #[test]
    fn a_project_that_names_nothing_runs_with_what_there_is() {
        for files in [
            &[("test_a.py", "")][..],
            &[("pyproject.toml", "[tool.ruff]\n")],
            &[("setup.cfg", "[tool:pytest]\n")],
        ] {
            assert!(steps(files).is_empty(), "{files:?}");
        }
        let nothing = install(&Files::default().project(), "", "/env", Runner::Pytest).unwrap();
        assert_eq!(nothing, InstallPlan::default());
    }

    #[test]
    fn nothing_is_installed_outside_of_the_folder() {
        let files = Files::default().file("app/requirements.txt", "pytest");
        let plan = install(&files.project(), "app", "/env", Runner::Pytest).unwrap();
        let argv: Vec<_> = plan.steps.iter().map(|step| step.command.argv.join(" ")).collect();
        assert_eq!(
            argv,
            [
                "python3 -m venv --clear /env",
                "/env/bin/python -m pip install --disable-pip-version-check --no-input --quiet -r requirements.txt",
            ]
        );
        assert!(plan.steps.iter().all(|step| step.command.cwd == "app"));
        assert!(plan.env.contains(&("PATH".to_owned(), EnvChange::Prepend("/env/bin".to_owned()))));
    }

    #[test]
    fn an_installation_is_reused_as_long_as_nothing_in_it_changed() {
        let key = |source: &str, test: &str, folder: &str| {
            let files = Files::default()
                .file("pyproject.toml", "[project]\nname = \"x\"")
                .file("src/x.py", source)
                .file("tests/test_x.py", test);
            install(&files.project(), "", folder, Runner::Pytest).unwrap().cache_key
        };
        assert_eq!(key("a", "t", "/one"), key("a", "other", "/two"));
        assert_ne!(key("a", "t", "/one"), key("b", "t", "/one"));
    }
}
