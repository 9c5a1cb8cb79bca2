"""The pytest plugin: Lua specs are collected beside Python tests, which can load policies.

It comes with the package and does nothing where there is no spec: what it needs is imported when
the first one is found, or the first fixture asked for. Fixtures: `kumolog_policy` and
`kumolog_golden`. (PYTEST_DONT_REWRITE: it has no assertions.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kumolog.testing import PATTERNS
from kumolog.testing.stash import (
    BENCHES,
    REJECTED,
    SECONDS_OPTION,
    add_needs,
    attach_of,
    goldens_of,
    seconds_of,
)

if TYPE_CHECKING:
    from kumolog.testing.bench import PolicyBench
    from kumolog.testing.golden import Goldens
    from kumolog.testing.items import LuaFile


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin; their names must not be those of other plugins."""
    group = parser.getgroup("kumolog")
    group.addoption(
        "--kumolog-update-golden",
        action="store_true",
        help="write the golden files of policy tests instead of comparing with them",
    )
    group.addoption(
        "--kumolog-coverage",
        action="store_true",
        help="show which lines and branches of the policies were run",
    )
    group.addoption("--kumolog-lcov", metavar="FILE", help="write that also as an lcov tracefile")
    parser.addini(
        SECONDS_OPTION,
        "seconds that a test of a Lua spec may take, and each of its hooks (default: 10)",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Refuses an option that is wrong before anything is run, and prepares reports."""
    seconds_of(config)
    if config.getoption("xmlpath", None):
        from kumolog.testing.junit import name_specs

        name_specs(config)
    lcov = config.getoption("kumolog_lcov")
    if lcov is not None or config.getoption("kumolog_coverage"):
        from kumolog.testing.measuring import Measuring

        config.pluginmanager.register(Measuring(config, lcov), "measuring of policies")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> LuaFile | None:
    """A spec file; any Lua file that is named is taken for one."""
    if file_path.suffix != ".lua" or not _is_spec(file_path, parent.session):
        return None
    from kumolog.testing import items

    manager = parent.config.pluginmanager
    if not manager.is_registered(items):
        manager.register(items)
    return items.LuaFile.from_parent(parent, path=file_path)


def _is_spec(path: Path, session: pytest.Session) -> bool:
    return session.isinitpath(path) or any(fnmatch(path.name, name) for name in PATTERNS)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Puts beside a failure what the test logged, and what became of it.

    Beside a test that passed there is what was rejected without its asking.
    """
    if call.when != "call" or BENCHES not in item.stash:
        return
    benches = item.stash[BENCHES]
    del item.stash[BENCHES]  # items outlive their tests
    if not benches:
        return
    from kumolog.testing.account import account, unseen

    name, tell = ("rejected", unseen) if call.excinfo is None else ("events", account)
    text = "\n".join(filter(None, (tell(bench, before) for bench, before in benches)))
    if text:
        item.add_report_section("call", name, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows what was rejected while tests passed."""
    for report in terminalreporter.stats.get("passed", ()):
        for name, text in report.sections:
            if name == REJECTED:
                terminalreporter.section(f"{report.nodeid} passed, but", sep="-")
                terminalreporter.write(text)


@pytest.fixture
def kumolog_policy(request: pytest.FixtureRequest) -> Iterator[Callable[..., PolicyBench]]:
    """Loads policies: ``bench = kumolog_policy("policy/init.lua")``, closed when the test ends.

    The file is looked for beside the test, one directory above, and in the working directory. Takes
    the parameters of `kumolog.testing.bench.PolicyBench` and raises what that does.
    """
    from kumolog.testing.bench import PolicyBench
    from kumolog.testing.luaspec import find_file

    used = request.node.stash.setdefault(BENCHES, [])

    def load(policy: str | Path, **options: Any) -> PolicyBench:
        path = find_file(request.path, str(policy))
        add_needs(request.config, request.path, [path])
        bench = PolicyBench(path, attach=attach_of(request.config), **options)
        used.append((bench, 0))
        return bench

    yield load
    for bench, _ in reversed(used):
        bench.close()
        add_needs(request.config, request.path, bench.loaded_files())


@pytest.fixture(scope="module")
def _kumolog_goldens(request: pytest.FixtureRequest) -> Goldens:
    return goldens_of(request.config, request.path)


@pytest.fixture
def kumolog_golden(_kumolog_goldens: Goldens) -> Callable[[str, str | bytes | Iterable[str]], None]:
    """Compares with a golden file: ``kumolog_golden("deliveries.jsonl", bench.lines())``.

    That is ``golden/NAME OF THE TEST FILE/deliveries.jsonl`` beside the test. Takes a text, or its
    lines without their ends. ``--kumolog-update-golden`` writes it.
    """

    def matches_golden(name: str, content: str | bytes | Iterable[str]) -> None:
        __tracebackhide__ = True
        problem = _kumolog_goldens.mismatch(name, content)
        if problem is not None:
            raise AssertionError(problem)

    return matches_golden
