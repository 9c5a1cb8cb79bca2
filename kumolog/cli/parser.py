"""The arguments of each command."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from kumolog import __version__
from kumolog.duration import parse_duration

_SIZE: Final = re.compile("([0-9]{1,15})(|k|m|g|t)(?:ib)?", re.IGNORECASE)
_UNITS: Final = ("", "k", "m", "g", "t")
_LEAST_LUA_MEMORY: Final = 16 << 20


class _Parser(argparse.ArgumentParser):
    """Takes options in full only, and shows no colours."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)
        self.color = False  # newer Pythons would paint the help


class _Command(NamedTuple):
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    passes_options_on: bool = False


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of a command, with its name as ``command``; raises SystemExit(2) with a usage."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in _COMMANDS:
        return _parse_command(given[0], given[1:])
    return _without_command(given)


def _without_command(arguments: Sequence[str]) -> NoReturn:
    parser = _Parser(
        prog="kumolog",
        usage="kumolog COMMAND ...\n       kumolog COMMAND --help",
        description="Run KumoMTA logging policy anywhere.",
        epilog="commands:\n"
        + "\n".join(f"  {name:7} {row.help}" for name, row in _COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kumolog {__version__}")
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    command = parser.parse_args(arguments).command
    if command is None:
        parser.print_help(sys.stderr)
        parser.exit(2)
    parser.error(f"there is no command {command!r}: it is one of {', '.join(_COMMANDS)}")


def _parse_command(name: str, arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog=f"kumolog {name}")
    _COMMANDS[name].add_arguments(parser)
    # Options may stand between and after the paths, where they are not somebody else's.
    by_place = _COMMANDS[name].passes_options_on
    options = (parser.parse_args if by_place else parser.parse_intermixed_args)(arguments)
    options.command = name
    return options


def _run(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Loads a KumoMTA policy and puts every event of the inputs through every logger that it "
        "configures. Events are JSON lines: plain, zstd or gzip, told by content."
    )
    add = parser.add_argument
    add("policy", metavar="POLICY", help="the policy, such as init.lua")
    add(
        "inputs",
        metavar="INPUT",
        nargs="*",
        help="files, directories of segments, or - for standard input (the default without mail)",
    )
    add(
        "--from-mail",
        metavar="PATH",
        action="append",
        default=[],
        help="mail to receive, after what INPUTs there are: a Maildir, a directory of message "
        "files, an mbox, one message, or - for standard input; may be given several times",
    )
    add(
        "--no-receive",
        action="store_true",
        help="do not run reception handlers, nor look for feedback and bounce reports",
    )
    add("--root", metavar="DIR", help="put every log_dir below DIR")
    add(
        "--rejects",
        metavar="FILE",
        default="kumolog-rejects.jsonl",
        help="where lines go that cannot be logged (default: %(default)s)",
    )
    add(
        "--flush-interval",
        metavar="DURATION",
        type=_seconds,
        default=1.0,
        help="how long a record may wait before readers can see it (default: 1s)",
    )
    add(
        "--sync",
        choices=("never", "close", "flush"),
        default="never",
        help="when segments are made to survive a power cut (default: %(default)s)",
    )
    add(
        "--handler-timeout",
        metavar="DURATION",
        type=_some_seconds,
        default=5.0,
        help="how long a filter handler may take for one event (default: 5s)",
    )
    add(
        "--lua-memory",
        metavar="SIZE",
        type=_lua_memory,
        default="1GiB",
        help="how much memory the policy may hold (default: %(default)s)",
    )
    add(
        "--allow-missing-handlers",
        action="store_true",
        help="let a logger whose filter_event has no handler drop everything, as KumoMTA does",
    )
    add(
        "--checkpoint",
        metavar="FILE",
        help="keep in FILE how far the inputs have come, and go on there: nothing twice, and after "
        "a crash at most what one flush interval wrote",
    )
    add(
        "--jobs",
        metavar="N",
        type=_count,
        default=1,
        help="share the input files out over N processes (default: %(default)s)",
    )
    add("--profile", action="store_true", help="show where the time went, on standard error")
    add("--json", action="store_true", help="print the summary on standard output as JSON")
    add("--quiet", action="store_true", help="no progress, notes and summary: errors only")


def _check(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Loads each policy, fires pre_init, init and validate_config, opens and makes nothing, and "
        "lists what it configures and what is wrong. Exit code 1 when an error was found, 2 for a "
        "policy that does not load."
    )
    parser.add_argument("policies", metavar="POLICY", nargs="+")
    parser.add_argument(
        "--json", action="store_true", help="for each policy a line: a JSON array of findings"
    )


def _explain(parser: argparse.ArgumentParser) -> None:
    from kumolog.cli.given import add_event_options  # no other command has them

    parser.description = (
        "Shows what each logger of a policy decides about one event after the other, why, where "
        "the line would go, and the line. Opens, makes and writes nothing."
    )
    add = parser.add_argument
    add("policy", metavar="POLICY", help="the policy, such as init.lua")
    add(
        "event",
        metavar="EVENT",
        nargs="?",
        help="a file with events, one JSON line each, or - for standard input (the default)",
    )
    add_event_options(parser)
    add("--root", metavar="DIR", help="put every log_dir below DIR")
    add(
        "--no-receive",
        action="store_true",
        help="do not run reception handlers, nor look for feedback and bounce reports",
    )
    add(
        "--handler-timeout",
        metavar="DURATION",
        type=_some_seconds,
        default=5.0,
        help="how long a filter handler may take (default: 5s)",
    )
    add(
        "--allow-missing-handlers",
        action="store_true",
        help="explain loggers whose filter_event has no handler, too: they drop everything",
    )
    add("--json", action="store_true", help="a line for each event: a JSON object")


def _test(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Runs policy specs, which are written in Lua in files named *_spec.lua or *_test.lua, and "
        "shows what failed. Exit code 1 when a test failed, 2 where there is none."
    )
    add = parser.add_argument
    add(
        "paths",
        metavar="PATH",
        nargs="*",
        help="directories, whose specs are run (the default is this one), specs, Python test "
        "files, or one block or test of a file: FILE::BLOCK::TEST",
    )
    add("-k", dest="expression", metavar="EXPR", help="run tests whose names match, as pytest does")
    add("-x", dest="stop_at_first", action="store_true", help="stop at the first failure")
    add(
        "--last-failed",
        action="store_true",
        help="run what failed when tests were last run here; everything if nothing did",
    )
    add("--shuffle", action="store_true", help="run files, blocks and tests in a random order")
    add("--seed", metavar="N", type=int, help="shuffle in the order that a run with N was in")
    add(
        "--timeout",
        metavar="DURATION",
        type=_some_seconds,
        help="how long a test of a spec may take (10s)",
    )
    add("--list", action="store_true", help="show the tests and their places, and run none")
    add(
        "--watch",
        action="store_true",
        help="go on, and run again what a changed file is needed for; Ctrl-C ends it",
    )
    add("--junit", metavar="FILE", help="write a report as JUnit XML")
    add("--coverage", action="store_true", help="show which lines of the policies were run")
    add(
        "--fail-under",
        metavar="N",
        type=_percent,
        help="with --coverage: exit code 1 when less than N percent of the lines were run",
    )
    add("--lcov", metavar="FILE", help="with --coverage: write it also as an lcov tracefile")
    add(
        "--update-golden",
        action="store_true",
        help="write the golden files that tests compare with: what comes out now is right",
    )
    add("--json", action="store_true", help="print the results on standard output as JSON alone")
    add("-v", "--verbose", action="store_true", help="show every test, and why some are pending")


def _cat(parser: argparse.ArgumentParser) -> None:
    from kumolog.cli.choices import add_choosing, add_showing  # no other command has them

    parser.description = (
        "Writes the records of segments, one line each, also while they grow: as they are stored, "
        "or chosen and shown as the options say. Times are in UTC."
    )
    add = parser.add_argument
    add(
        "paths",
        metavar="PATH",
        nargs="+",
        help="files, directories of segments, quoted glob patterns, or -; plain, zstd or gzip",
    )
    add("-f", "--follow", action="store_true", help="go on as segments grow and new ones come")
    add(
        "--merge",
        action="store_true",
        help="in the order of their timestamps, across all segments; with -f, what is there at a "
        "time is merged",
    )
    add("-n", metavar="N", type=_count, help="stop after the first N records")
    add("--tail", metavar="N", type=_count_or_none, help="begin with the last N records")
    add_choosing(parser)
    add_showing(parser)


def _stats(parser: argparse.ArgumentParser) -> None:
    from kumolog.cli.choices import fields

    parser.description = (
        "Counts the records of segments by type, recipient domain, site, response code, bounce "
        "classification and time. Delivered are Delivery records, bounced are Bounce, Expiration "
        "and AdminBounce; the delivery rate is delivered / (delivered + bounced), and the bounce "
        "rate is the rest of it. Transient failures are counted apart. Latency is the time from "
        "created to timestamp of Delivery records; median and p95 are right to 1 %. Where a field "
        "has more than some 50,000 values, rare ones are summed, and the table says so. Exit code "
        "1 when something could not be read or is no record."
    )
    add = parser.add_argument
    add(
        "paths",
        metavar="PATH",
        nargs="+",
        help="files, directories of segments, quoted glob patterns, or -; plain, zstd or gzip",
    )
    add(
        "--by",
        metavar="FIELD",
        type=fields,
        action="extend",
        default=[],
        help="count by this field in place of the others, or by these, with commas: egress_source, "
        "meta.tenant, response.code, headers.x-campaign; may be given several times",
    )
    add(
        "--top",
        metavar="N",
        type=_count,
        default=10,
        help="rows of a table; the rest is summed (default: %(default)s)",
    )
    add("--json", action="store_true", help="everything as one JSON object")


def _repair(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Makes valid, read-only segments of those that a process left unfinished, as every start "
        "does, and of damaged ones. A segment that is being written is left alone. Exit code 1 "
        "when records are lost or a file could not be repaired."
    )
    add = parser.add_argument
    add("paths", metavar="PATH", nargs="+", help="segments, or directories of segments")
    add("--json", action="store_true", help="a line for each file: a JSON object")
    add("--quiet", action="store_true", help="no lines for what is well, and no summary")


def _script(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Runs a Lua file as KumoMTA's --script does, then its event main with the arguments."
    )
    parser.add_argument("file", metavar="FILE", help="the script; pre_init and init are not fired")
    rest = parser.add_argument(
        "script_arguments",
        metavar="ARG",
        nargs=argparse.REMAINDER,
        help="what main gets, as strings, also what begins with -; a first -- is dropped",
    )
    rest.required = False  # else it is called missing where only the file is


def _api(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Lists KumoMTA's Lua functions: live ones work as in KumoMTA, inert ones have their "
        "arguments checked and no effect, and those that kumolog cannot offer refuse to be called."
    )
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        help="show what has this name, or is inside it: kumo.time, split, message, LogRecordParams",
    )


def _seconds(text: str) -> float:
    try:
        return parse_duration(text) / 1e9
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{error}; a duration is written like 500ms or 5s"
        ) from None


def _count(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError("it must be a whole number from 1 on")


def _count_or_none(text: str) -> int:
    return 0 if text == "0" else _count(text)


def _lua_memory(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError("a size is written like 512MiB or 2GiB")
    size = int(match[1]) << 10 * _UNITS.index(match[2].lower())
    if size < _LEAST_LUA_MEMORY:
        raise argparse.ArgumentTypeError("a policy needs 16MiB at least")
    return size


def _percent(text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if 0 <= percent <= 100:
        return percent
    raise argparse.ArgumentTypeError("it must be a percentage, from 0 to 100")


def _some_seconds(text: str) -> float:
    if seconds := _seconds(text):
        return seconds
    raise argparse.ArgumentTypeError("it must be longer than 0, such as 500ms or 5s")


_COMMANDS = {
    "run": _Command("put events through a policy into segments", _run),
    "check": _Command("load policies and say what is wrong with them", _check),
    "test": _Command("run policy specs", _test),
    "explain": _Command("show what each logger decides about an event, and why", _explain),
    "cat": _Command("show the records of segments", _cat),
    "stats": _Command("count the records of segments", _stats),
    "repair": _Command("mend segments that were left unfinished or are damaged", _repair),
    "script": _Command("run a Lua file with the functions of KumoMTA", _script, True),
    "api": _Command("show what KumoMTA's Lua functions take, and which work here", _api),
}
