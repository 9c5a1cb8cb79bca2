"""Reports about messages that went out: complaints (RFC 5965) and delivery status (RFC 3464)."""

from kumolog.reports.arf import parse_feedback_report
from kumolog.reports.fields import ReportError

__all__ = ["ReportError", "parse_feedback_report"]
