"""``python -m kumolog``."""

from kumolog.cli import process

process()
