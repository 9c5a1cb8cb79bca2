"""KumoMTA's template dialect: MiniJinja, its contributed filters, and the record as variables."""

from kumolog.templates.engine import TemplateError, Templates, render_once, unknown_variables

__all__ = ["TemplateError", "Templates", "render_once", "unknown_variables"]
