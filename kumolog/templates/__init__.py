"""KumoMTA's template dialect: MiniJinja, its contributed filters, and the record as variables."""

from kumolog.templates.confined import OneTimeTemplates, Templates
from kumolog.templates.engine import TemplateError, unknown_variables

__all__ = ["OneTimeTemplates", "TemplateError", "Templates", "unknown_variables"]
