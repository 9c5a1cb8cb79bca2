"""Run KumoMTA logging policy anywhere.

`Host` runs a policy over log events: see `kumolog.host`.
"""

# Type checkers take this name for true; importing it from typing would double the import time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from kumolog.host import Host
else:

    def __getattr__(name):
        """Loads what a program asks for only then: most commands need little of it."""
        if name != "Host":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from kumolog.host import Host

        return Host


__version__ = "0.1.0"
__all__ = ["Host", "__version__"]
