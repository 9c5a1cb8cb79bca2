"""Segments: written, finished after a crash, and read.

For programs that read them: `read` and `follow`, see `kumolog.segments.reading`.
"""

# Type checkers take this name for true; importing it from typing would double the import time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from kumolog.segments.reading import Batch, Follower, follow, read
else:

    def __getattr__(name):
        """Loads what a program asks for only then: most of this package is for other rooms."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from kumolog.segments import reading

        return getattr(reading, name)


__all__ = ["Batch", "Follower", "follow", "read"]
