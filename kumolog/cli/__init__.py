"""The command line. Each command is a module of its own, imported when it is asked for."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from kumolog.cli.parser import parse
from kumolog.cli.streams import OutputError, claim, tell
from kumolog.errors import KumologError, PolicyError

OK, FAILED, UNUSABLE = 0, 1, 2
"""Exit codes: fine; finished with something wrong in it; usage or policy error."""


def process() -> NoReturn:
    """Runs one command and ends the process with its exit code."""
    code = main()
    if "kumolog.watchdog" in sys.modules:
        from kumolog.watchdog import leave_process  # else nothing is left behind

        leave_process(code)
    gc.freeze()  # else Python looks through all there is for garbage, once more, before it ends
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code. Raises SystemExit for arguments that are none."""
    claim()
    # While a policy is loading, Ctrl-C has to end it even in Lua, where Python hears no signal.
    former = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        options = parse(arguments)
        return int(import_module(f"kumolog.cli.{options.command}").main(options))
    except OutputError as error:
        complain(error)
        return FAILED
    except KumologError as error:
        complain(error)
        return UNUSABLE
    finally:
        signal.signal(signal.SIGINT, former)


def complain(error: KumologError) -> None:
    """Shows an error, and the policy's own frames where it has several."""
    frames = error.frames if isinstance(error, PolicyError) else ()
    tell(f"kumolog: error: {error}\n" + indented(frames))


def indented(frames: Sequence[str]) -> str:
    """The policy's frames as lines; nothing for a single one, which the message begins with."""
    return "".join(f"    {frame}\n" for frame in frames) if len(frames) > 1 else ""
