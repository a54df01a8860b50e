"""Makes a component of a project: `python -m flaky_plugin_sdk build`.

The project's `pyproject.toml` names the class:

    [tool.flaky]
    plugin = "owners:Owners"
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .roles import Plugin, roles_of

WIT = Path(__file__).parent / "wit"

APP = "flaky_component_app"
"""Module that ties the plugin's class to the bindings."""


class BuildError(Exception):
    """Why there is no component: one line, and a hint on a second where there is one."""


@dataclass(frozen=True)
class Project:
    """What of a project's `pyproject.toml` counts here."""

    name: str
    folder: Path
    sources: Path
    module: str
    class_name: str

    @classmethod
    def read(cls, folder: Path) -> Project:
        """The project in a folder."""
        file = folder / "pyproject.toml"
        try:
            document = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BuildError(f"{file}: {error}") from error
        name = document.get("project", {}).get("name")
        plugin = document.get("tool", {}).get("flaky", {}).get("plugin")
        if not isinstance(name, str):
            raise BuildError(f"{file}: `project.name` is missing")
        if not isinstance(plugin, str) or plugin.count(":") != 1:
            raise BuildError(f'{file}: `plugin` of `[tool.flaky]` is missing\nhint: plugin = "module:Class"')
        module, class_name = plugin.split(":")
        sources = folder / "src"
        return cls(name, folder, sources if sources.is_dir() else folder, module, class_name)

    def plugin(self) -> type[Plugin]:
        """The plugin's class, imported as it is."""
        sys.path.insert(0, str(self.sources))
        try:
            found = getattr(importlib.import_module(self.module), self.class_name, None)
        finally:
            sys.path.remove(str(self.sources))
        if not (isinstance(found, type) and issubclass(found, Plugin)):
            raise BuildError(f"`{self.module}:{self.class_name}` is no class of a plugin")
        if not hasattr(found, "manifest"):
            raise BuildError(f"`{self.module}:{self.class_name}` has no `manifest`")
        return found


def role_of(plugin: type[Plugin]) -> str:
    """The one role of a class. Of several worlds componentize-py makes no component yet."""
    match roles_of(plugin):
        case [role]:
            return role
        case []:
            raise BuildError(f"`{plugin.__name__}` has no role\nhint: derive it from `Policy`, `Parser` or `Reporter`")
        case roles:
            raise BuildError(
                f"`{plugin.__name__}` has the roles {', '.join(roles)}, and a plugin in Python has one\n"
                "hint: make a plugin of each"
            )


def app(project: Project, role: str) -> str:
    """The module that the component is made of."""
    return "".join(
        f"{line}\n"
        for line in [
            f"from {project.module} import {project.class_name} as _plugin",
            "from flaky_plugin_sdk.component.plugin import plugin",
            f"from flaky_plugin_sdk.component.{role} import {role}",
            "Plugin = plugin(_plugin)",
            f"{role.capitalize()} = {role}(_plugin)",
        ]
    )


def build(folder: Path, out: Path) -> str:
    """Makes the component, and says its role."""
    project = Project.read(folder)
    role = role_of(project.plugin())
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, f"{APP}.py").write_text(app(project, role), encoding="utf-8")
        # The SDK's own folder last: beside it stands what else is installed.
        paths = [scratch, str(project.sources), str(Path(__file__).parent.parent)]
        arguments = ["--wit-path", str(WIT), "--world", f"flaky:plugin/{role}-plugin"]
        arguments += ["componentize", APP, "--output", str(out)]
        arguments += [part for path in paths for part in ("--python-path", path)]
        _componentize(arguments)
    return role


def _componentize(arguments: list[str]) -> None:
    try:
        importlib.import_module("componentize_py")
    except ImportError as error:
        raise BuildError("`componentize-py` is missing\nhint: pip install -r requirements.txt") from error
    program = "import sys, componentize_py; sys.exit(componentize_py.script())"
    done = subprocess.run([sys.executable, "-c", program, *arguments], stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise BuildError(f"componentize-py failed: exit code {done.returncode}")
