//! How projects that test with unittest are found, installed, reported on and selected from.

mod detect;
mod instrument;
mod select;

use flaky_plugin_pytest::python::{self, Invocation, Runner, Tool};
use flaky_plugin_sdk::{InstallPlan, Project, Result};

pub(crate) use detect::detect;
pub(crate) use instrument::instrument;
pub(crate) use select::select;

/// As for other projects of Python.
pub(crate) use python::PROJECT_FILES;

/// `python -m unittest`, and the ways to Django's runner: `manage.py test`, `django-admin test`,
/// `python -m django test`.
pub(crate) const UNITTEST: Tool = Tool {
    program: |words| match words {
        ["django-admin" | "manage.py", "test", ..] => Some(2),
        _ => None,
    },
    module: |words| match words {
        ["unittest", ..] => Some(1),
        ["django", "test", ..] => Some(2),
        _ => None,
    },
    script: |words| match words {
        ["manage.py", "test", ..] => Some(2),
        _ => None,
    },
};

/// Whether unittest or Django's runner runs in the command.
pub(crate) fn recognises(argv: &[String]) -> bool {
    Invocation::find(argv, UNITTEST).is_some()
}

/// As projects with pytest are installed, without pytest.
pub(crate) fn install(project: &Project<'_>, root: &str, env_dir: &str) -> Result<InstallPlan> {
    python::install(project, root, env_dir, Runner::Own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_way_to_run_unittest_is_known_and_no_other_command() {
        let known = [
            "python -m unittest",
            "python3.12 -W error -m unittest discover -s tests",
            "python manage.py test shop",
            "./manage.py test",
            "poetry run python manage.py test",
            "uv run -m unittest -v",
            "django-admin test --settings=shop.settings",
            "python -m django test",
            "coverage run -m unittest discover",
            "coverage run --source=shop manage.py test",
            "python -m coverage run -m unittest",
            "CI=1 python -m unittest",
        ];
        let others = [
            "python manage.py migrate",
            "python -m pytest",
            "python test_a.py",
            "manage.py",
            "python -m django",
            "echo unittest",
        ];
        let words = |command: &str| command.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for command in known {
            assert!(recognises(&words(command)), "{command}");
        }
        for command in others {
            assert!(!recognises(&words(command)), "{command}");
        }
    }
}
