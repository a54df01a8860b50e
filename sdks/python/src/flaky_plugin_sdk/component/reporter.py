"""The role `reporter`."""

from __future__ import annotations

import json

from wit_world.exports import reporter as exported
from wit_world.imports import inputs

from ..contract import (
    Annotation,
    Annotations,
    CheckRun,
    Delivery,
    File,
    HttpRequest,
    JobSummary,
    Outputs,
    PluginError,
    Print,
    PullRequestComment,
    RenderContext,
)
from ..inputs import Blob
from ..roles import Reporter
from .plugin import current, guarded, json_object


def _annotation(a: Annotation) -> exported.Annotation:
    return exported.Annotation(exported.AnnotationLevel(a.level.value), a.file, a.line, a.title, a.message)


def _delivery(delivery: Delivery) -> exported.Delivery:
    match delivery:
        case Print(text):
            return exported.Delivery_Stdout(text)
        case File(path, content):
            return exported.Delivery_File(exported.File(path, content))
        case HttpRequest(method, url, headers, body):
            return exported.Delivery_Http(exported.HttpRequest(method, url, list(headers), body))
        case PullRequestComment(key, body):
            return exported.Delivery_PullRequestComment(exported.Comment(key, body))
        case JobSummary(markdown):
            return exported.Delivery_JobSummary(markdown)
        case Annotations(annotations):
            return exported.Delivery_Annotations([_annotation(a) for a in annotations])
        case CheckRun(name, conclusion, title, summary, annotations):
            shown = [_annotation(a) for a in annotations]
            return exported.Delivery_CheckRun(exported.CheckRun(name, conclusion, title, summary, shown))
        case Outputs(values):
            return exported.Delivery_Outputs(list(values))
        case _:
            return exported.Delivery_Other(exported.Other(delivery.kind, json.dumps(delivery.body)))


def reporter(cls: type[Reporter]) -> type:
    """The class that the component exports as `reporter`."""

    class Exported:
        def render(self, report: inputs.Blob, context: exported.RenderContext) -> list[exported.Delivery]:
            where = RenderContext(context.width, context.colour, context.report_version, json_object(context.more))
            with guarded():
                document = Blob(report).json()
                if not isinstance(document, dict):
                    raise PluginError("invalid-report", "the report is no JSON object")
                return [_delivery(d) for d in current(cls).render(document, where)]  # type: ignore[arg-type]

    return Exported
