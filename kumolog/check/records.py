"""Checking what loggers and hooks say of records: their templates, and the headers they select."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from kumolog.check.outcome import Remark
from kumolog.clock import SYSTEM_CLOCK
from kumolog.completion import complete
from kumolog.nodeid import NodeId
from kumolog.policy import nearest
from kumolog.record import MEMBERS, RECORD_FIELDS, STRUCTURED_FIELDS

if TYPE_CHECKING:
    from kumolog.templates import Templates

_ATTRIBUTES = re.compile(rf"\b(?:{'|'.join(STRUCTURED_FIELDS)})(?:\.\w+)+")


def header_remarks(params: dict[str, Any]) -> Iterator[Remark]:
    """What the headers cost that a logger or log hook selects."""
    for header in params["headers"]:
        if header.lower().startswith("x-") and not header.endswith("*"):
            key = header.lower().replace("-", "_")
            yield (
                "info",
                "headers-cost",
                f"`{header}` in headers makes KumoMTA read the message for every record: "
                f"msg:import_x_headers at reception and `{key}` in meta cost less",
            )


def template_remarks(params: dict[str, Any], templates: Templates | None) -> Iterator[Remark]:
    """What the templates of a logger or log hook would render as nothing, or not at all."""
    if templates is None:
        return
    for kind, entry in params["per_record"].items():
        if entry["template"] is not None:
            yield from _unknown_variables(kind, entry["template"], params)
            yield from _trial(kind, templates)


def _unknown_variables(kind: str, template: str, params: dict[str, Any]) -> Iterator[Remark]:
    from kumolog.templates import unknown_variables  # the engine is loaded for those who use it

    selected = [f"meta.{name}" for name in params["meta"]]
    selected += [f"headers.{name.lower()}" for name in params["headers"]]
    paths = [*selected, *RECORD_FIELDS]
    for variable in unknown_variables(template, MEMBERS[""]):
        inner = [path for path in paths if path.rpartition(".")[2] == variable]
        yield _no_such_variable(kind, variable, inner[0] if inner else nearest(variable, paths))
    for attributes in _ATTRIBUTES.findall(template):
        path = _unknown_path(attributes)
        if path is not None:
            yield _no_such_variable(kind, path, nearest(path, RECORD_FIELDS))


def _no_such_variable(kind: str, variable: str, near: str | None) -> Remark:
    hint = f": did you mean `{near}`?" if near else ""
    text = f"no record has `{variable}`, it renders as empty text{hint}"
    return "warning", "template-variable", f"per_record.{kind}.template: {text}"


def _unknown_path(attributes: str) -> str | None:
    """The first part of a path such as ``response.cod`` that no record has."""
    path, *rest = attributes.split(".")
    for part in rest:
        if path not in STRUCTURED_FIELDS and path.rpartition(".")[2] not in STRUCTURED_FIELDS:
            return None  # a field without fields of its own: what follows is up to the engine
        path = f"{path}.{part}"
        if path not in RECORD_FIELDS:
            return path
    return None


def _trial(kind: str, templates: Templates) -> Iterator[Remark]:
    """What a rendering shows that compiling does not: names that the engine does not have."""
    from kumolog.templates import TemplateError

    sample = complete({"type": "Delivery" if kind == "Any" else kind}, 0, NodeId({}), SYSTEM_CLOCK)
    try:
        templates.render(kind, msgspec.to_builtins(sample))
    except TemplateError as error:
        if "unknown" in str(error):
            text = f"per_record.{kind}.template: {error}, so that every such record fails"
            yield "error", "template-error", text
