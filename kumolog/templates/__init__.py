"""KumoMTA's template dialect: MiniJinja, its contributed filters, and the record as variables."""

from kumolog.templates.engine import TemplateError, Templates, unknown_variables

__all__ = ["TemplateError", "Templates", "unknown_variables"]
