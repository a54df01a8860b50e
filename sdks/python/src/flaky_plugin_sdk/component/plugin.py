"""The interface `plugin`, which every component has."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from componentize_py_types import Err
from wit_world.exports import plugin as exported
from wit_world.imports import log as imported_log
from wit_world.imports import types

from .. import log
from ..contract import (
    JsonObject,
    Manifest,
    PluginError,
    ReportFile,
    Source,
    Stderr,
    Stdout,
    Want,
    WantHttp,
    WantReportFiles,
    WantTreeFiles,
)
from ..roles import Plugin

P = TypeVar("P", bound=Plugin)

_configured: Plugin | None = None


def current(plugin: type[P]) -> P:
    """The plugin that was configured: the host does that before it asks for anything."""
    if not isinstance(_configured, plugin):
        raise RuntimeError("`configure` comes first")
    return _configured


@contextmanager
def guarded() -> Iterator[None]:
    """Every failure leaves as the contract's own. A bug is told with its place: the host would only see a trap."""
    try:
        yield
    except PluginError as error:
        at = None if error.at is None else (lower_source(error.at[0]), error.at[1])
        raise Err(types.PluginError(error.code, error.message, error.hint, at)) from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        where = f" (at {Path(frames[-1].filename).name}:{frames[-1].lineno}, `{frames[-1].name}`)" if frames else ""
        raise Err(types.PluginError("bug", f"{type(error).__name__}: {error}{where}", None, None)) from error


def json_object(text: str) -> JsonObject:
    """The object that the host sends as text."""
    value = json.loads(text or "{}")
    return value if isinstance(value, dict) else {}


def lower_source(source: Source) -> types.Source:
    """As the host gets it."""
    match source:
        case Stdout():
            return types.Source_Stdout()
        case Stderr():
            return types.Source_Stderr()
        case ReportFile(path):
            return types.Source_Report(path)
        case _:
            return types.Source_Tree(source.path)


def _want(want: Want) -> exported.Want:
    match want:
        case WantReportFiles(glob):
            return exported.Want_ReportFiles(glob)
        case WantTreeFiles(glob):
            return exported.Want_TreeFiles(glob)
        case WantHttp(origin):
            return exported.Want_Http(origin)
        case _:
            return exported.Want_Secret(want.name)


def _manifest(manifest: Manifest) -> exported.Manifest:
    schema = "" if manifest.settings_schema is None else json.dumps(manifest.settings_schema)
    wants = [_want(want) for want in manifest.wants]
    return exported.Manifest(manifest.name, manifest.version, manifest.summary, schema, wants)


def _write(level: log.Level, message: str) -> None:
    imported_log.write(imported_log.Level(level.value), message)


def plugin(cls: type[Plugin]) -> type:
    """The class that the component exports as `plugin`."""
    log.send_to(_write)
    manifest = cls.manifest

    class Exported:
        def describe(self) -> exported.Manifest:
            return _manifest(manifest)

        def configure(self, settings: str) -> None:
            global _configured
            with guarded():
                _configured = cls()
                _configured.configure(json_object(settings))

    return Exported
