"""Rust's regular expressions on the engine of the PyPI package ``regex``.

A pattern is read by the grammar of Rust's ``fancy_regex`` (or of the plain ``regex`` crate) and
written anew for the other engine, so that nothing depends on how alike the two notations look. Both
engines prefer the leftmost match and in it the first alternative, so what is written anew matches
the same. What has no exact counterpart, or means different things in different releases of
``fancy_regex``, is refused: ``\\G``, conditionals, subroutine calls, ``(?-u)``, flags set in the
midst of a capturing group.

What remains different: characters of a newer Unicode version may be unknown to one side; case
folding in a back-reference under ``(?i)`` takes the Turkish letters for ``i``; the plain crate's
matching takes linear time, here a pattern that backtracks without end is stopped with an error.
"""

from kumolog.api.rustregex.compile import Match, Pattern, compile_fancy, compile_plain
from kumolog.api.rustregex.cursor import PatternError

__all__ = ["Match", "Pattern", "PatternError", "compile_fancy", "compile_plain"]
