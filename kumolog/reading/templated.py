"""Records as a MiniJinja template writes them, in the dialect of policies."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from kumolog.errors import KumologError
from kumolog.reading.fields import Lines
from kumolog.reading.problems import Problems
from kumolog.reading.sink import Step
from kumolog.templates import TemplateError, Templates

_NAME = "--template"


def template_text(argument: str) -> str:
    """The text that is meant: that of the file of this name, or what is given itself.

    Raises KumologError for a file that cannot be read, and for what is neither.
    """
    if os.path.isfile(argument):
        try:
            return Path(argument).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise KumologError(f"reading the template {argument}: {reason}") from None
    if "{" not in argument:
        raise KumologError(
            f"--template {argument}: there is no such file, and it is no template, which is "
            "written like {{ id }}"
        )
    return argument


def templated(text: str, problems: Problems) -> Step:
    """The text of the template for each record, as a logger writes it: with one line end.

    Raises TemplateError for what does not compile.
    """
    templates = Templates({_NAME: text})
    decoder: Lines[dict[str, Any]] = Lines(dict, dict)

    def step(lines: list[bytes], source: str) -> list[bytes]:
        note = partial(problems.note, source)
        good, rows = decoder.rows(lines, note)
        rendered = (
            _rendered(templates, row, len(line), note) for line, row in zip(good, rows, strict=True)
        )
        return [text for text in rendered if text is not None]

    return step


def _rendered(
    templates: Templates, record: dict[str, Any], size: int, note: Callable[[str], None]
) -> bytes | None:
    try:
        return templates.render(_NAME, record, size).removesuffix("\n").encode()
    except TemplateError as error:
        note(str(error))
        return None
