"""The shape of the project: imports point down, Lua stays in its room, nothing stray ships."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "kumolog"

# From the ground up; a name with a dot at its end stands for a package and all in it. What is not
# listed is a tool.
FLOORS = {
    "ground": """clock completion duration errors event lines luafunction luaobject luavalue mail. meta nodeid queue_name record
        spool_id""",
    "tools": "",
    "edges": "api. lua. sources.",
    "rooms": "asking hooks logger policy profiling reception tracing",
    "house": "check. explain host script",
    "doors": "__init__ __main__ cli. testing.",
}
TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "examples",
    "kumolog",
    "policy",
    "pyproject.toml",
    "tests",
}

LEVELS = {name: level for level, names in enumerate(FLOORS.values()) for name in names.split()}
TOOLS = list(FLOORS).index("tools")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def level(module: str) -> int:
    """How high a module stands."""
    first, _, rest = module.removeprefix("kumolog").removeprefix(".").partition(".")
    is_package = rest or (PACKAGE / first / "__init__.py").exists()
    return LEVELS.get(f"{first}." if first and is_package else first or "__init__", TOOLS)


def imported(path: Path) -> Iterator[str]:
    """Every module that a file names in an import, at whatever depth of the code."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_nothing_from_above(module: str) -> None:
    own = level(module)
    above = [
        name
        for name in imported(MODULES[module])
        if name.partition(".")[0] == "kumolog" and level(name) > own
    ]
    assert above == [], f"{module} reaches up"


def test_no_module_imports_itself_in_a_circle() -> None:
    # The package's own file only hands on what is inside, when asked for it.
    graph = {
        module: {name for name in imported(path) if name in MODULES} - {"kumolog"}
        for module, path in MODULES.items()
        if module != "kumolog"
    }
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


def test_only_the_lua_room_knows_lupa() -> None:
    users = {
        module
        for module, path in MODULES.items()
        if any(name.partition(".")[0] == "lupa" for name in imported(path))
    }
    assert users
    assert all(module.startswith("kumolog.lua.") for module in users), users


def test_importing_the_package_loads_none_of_it() -> None:
    code = "import sys, kumolog; print(*(m for m in sys.modules if m.startswith('kumolog')))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["kumolog"]


def test_the_package_offers_the_host_and_nothing_that_is_not_there() -> None:
    import kumolog
    from kumolog.host import Host

    assert kumolog.Host is Host
    with pytest.raises(AttributeError, match="has no attribute 'Hots'"):
        kumolog.Hots  # noqa: B018 - asking for it is the test


def test_the_top_level_holds_only_what_was_agreed() -> None:
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"not a git checkout: {error}")
    if not listed:
        pytest.skip("git tracks nothing here yet")
    assert {path.partition("/")[0] for path in listed.split("\0") if path} <= TOP_LEVEL


def test_the_wheel_carries_every_file_of_the_package(tmp_path: Path) -> None:
    wheels = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed")
    (wheel,) = wheels.WheelBuilder(str(ROOT)).build(directory=str(tmp_path))
    packed = set(zipfile.ZipFile(wheel).namelist())
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert {path.suffix for path in files} >= {".py", ".lua", ".tsv", ".typed"}
    assert {path.relative_to(ROOT).as_posix() for path in files} <= packed
    outside = {name for name in packed if not name.startswith(("kumolog/", "kumolog-"))}
    assert outside == set()
