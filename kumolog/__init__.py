"""Run KumoMTA logging policy anywhere."""

__version__ = "0.1.0"
