"""Stand-ins: a policy reads them at every door, and writes nothing of the system's."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from kumolog.errors import KumologError
from kumolog.testing.bench import PolicyBench
from kumolog.testing.bench_files import StandIns

FILES = {
    "/etc/kumo.d/a.json": '{"v": "stand-in"}',
    "/etc/kumo.d/a.toml": "v = 'stand-in'",
    "/etc/kumo.d/a.yaml": "v: stand-in",
    "/etc/kumo.d/key": b"stand-in",
    "/etc/kumo.d/a.lua": "return { v = 'stand-in' }",
    "/opt/kumomta/etc/policy/part/init.lua": "return { v = 'stand-in' }",
    "/opt/kumomta/share/shared.lua": "return { v = 'stand-in' }",
}


def heard(tmp_path: Path, body: str, **options: object) -> list[str]:
    path = tmp_path / "init.lua"
    path.write_text(f"local kumo = require 'kumo'\nkumo.on('init', function()\n{body}\nend)")
    with PolicyBench(path, files=FILES, **options) as bench:  # type: ignore[arg-type]
        return [text.partition(": ")[2] for _, text in bench.diagnostics()]


@pytest.mark.parametrize(
    "expression",
    [
        "io.open('/etc/kumo.d/key'):read 'a'",
        "io.open('/etc/kumo.d/../kumo.d/key', 'rb'):read 'a'",
        "io.lines('/etc/kumo.d/key')()",
        "(io.input('/etc/kumo.d/key') and io.read 'a')",
        "loadfile('/etc/kumo.d/a.lua')().v",
        "dofile('/etc/kumo.d/a.lua').v",
        "require 'part'.v",
        "require 'shared'.v",
        "kumo.json_load('/etc/kumo.d/a.json').v",
        "kumo.serde.json_load('/etc/kumo.d/a.json').v",
        "kumo.toml_load('/etc/kumo.d/a.toml').v",
        "kumo.serde.yaml_load('/etc/kumo.d/a.yaml').v",
        "kumo.secrets.load('/etc/kumo.d/key')",
        "kumo.fs.open('/etc/kumo.d/key'):read()",
    ],
)
def test_a_stand_in_is_read(tmp_path: Path, expression: str) -> None:
    assert heard(tmp_path, f"kumo.log_info({expression})") == ["stand-in"]


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("#kumo.fs.read_dir '/etc/kumo.d'", "5"),
        ("kumo.fs.uncached_glob('/etc/kumo.d/*.toml')[1]", "/etc/kumo.d/a.toml"),
        ("kumo.fs.glob('/etc/**/a.toml')[1]", "/etc/kumo.d/a.toml"),
        ("kumo.fs.metadata_for_path('/etc/kumo.d/key').size", "8"),
        ("kumo.fs.symlink_metadata_for_path('/etc/kumo.d/key').is_file", "true"),
        ("kumo.eval_config_monitor_globs()[1]", "/opt/kumomta/etc/policy/part/init.lua"),
        ("package.searchpath('a', '/etc/kumo.d/?.lua')", "/etc/kumo.d/a.lua"),
        ("select(2, package.searchpath('b.c', '/etc/?.lua'))", "no file '/etc/b/c.lua'"),
        ("select(2, pcall(require, 'missing.one')):match 'not found'", "not found"),
        ("select(2, io.open '/etc/kumo.d/none')", "/etc/kumo.d/none: No such file or directory"),
        ("select(2, pcall(kumo.json_load, '/etc/none')):sub(-9)", "directory"),
    ],
)
def test_a_stand_in_is_found(tmp_path: Path, expression: str, shown: str) -> None:
    assert heard(tmp_path, f"kumo.log_info(tostring({expression}))") == [shown]


def test_the_files_of_the_bounce_classifier_can_be_stand_ins(tmp_path: Path) -> None:
    path = tmp_path / "init.lua"
    path.write_text(
        "local kumo = require 'kumo'\nkumo.on('init', function()\n"
        "kumo.configure_bounce_classifier { files = { '/etc/rules.toml' } }\n"
        "kumo.configure_local_logs { log_dir = 'x' } end)"
    )
    rules = '[rules]\nFull = ["full"]\n'
    with PolicyBench(path, files={"/etc/rules.toml": rules}) as bench:
        bench.log({"type": "Bounce", "response": {"content": "mailbox full"}})
        assert bench.logged()[0]["bounce_classification"] == "Full"


def test_what_is_beside_the_stand_ins_stays_readable(tmp_path: Path) -> None:
    (tmp_path / "part2.lua").write_text("return 'real'")
    (tmp_path / "real.txt").write_text("real")
    assert heard(
        tmp_path,
        f"kumo.log_info(require 'part2', io.open('{tmp_path}/real.txt'):read 'a', "
        f"#kumo.fs.read_dir '{tmp_path}')",
    ) == ["real real 3"]


@pytest.mark.parametrize(
    "write",
    [
        "io.open(PATH, 'w'):write('new'):close()",
        "local f = io.open(PATH, 'r+') f:write('new') f:close()",
        "io.output(PATH) io.write('new') io.close()",
        "local f = kumo.fs.open(PATH, 'w') f:write('new') f:close()",
        "local n = os.tmpname() io.open(n, 'w'):write('new'):close() os.rename(n, PATH)",
    ],
)
def test_what_is_written_is_a_stand_in(tmp_path: Path, write: str) -> None:
    real = tmp_path / "real.txt"
    real.write_text("old")
    body = f"local PATH = '{real}'\n{write}\nkumo.log_info(io.open(PATH):read 'a')"
    assert heard(tmp_path, body) == ["new"]
    assert real.read_text() == "old"


def test_what_is_appended_comes_after_what_is_there(tmp_path: Path) -> None:
    real = tmp_path / "real.txt"
    real.write_text("old")
    body = f"io.open('{real}', 'a'):write('new'):close() kumo.log_info(io.open('{real}'):read 'a')"
    assert heard(tmp_path, body) == ["oldnew"]
    assert real.read_text() == "old"


def test_removing_and_databases_leave_the_system_alone(tmp_path: Path) -> None:
    real, database = tmp_path / "real.txt", tmp_path / "x.db"
    real.write_text("old")
    with sqlite3.connect(database) as connection:
        connection.execute("create table t (a)")
    connection.close()
    body = f"""os.remove('{real}')
        local db = require 'sqlite'.open('{database}')
        db:execute 'insert into t values (7)'
        kumo.log_info(db:execute('select a from t')[1])
        db:close()"""
    assert heard(tmp_path, body) == ["7"]
    assert real.read_text() == "old"
    with sqlite3.connect(database) as connection:
        assert connection.execute("select count(*) from t").fetchone() == (0,)
    connection.close()


def test_devices_are_used_as_they_are(tmp_path: Path) -> None:
    assert heard(tmp_path, "io.open('/dev/null', 'w'):write('x'):close() kumo.log_info 'ok'") == [
        "ok"
    ]


def test_a_stand_in_needs_an_absolute_path(tmp_path: Path) -> None:
    with pytest.raises(KumologError, match="'key': name the file by its absolute path"):
        StandIns({"key": ""})


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    stand_ins = StandIns({"/a/b": "c"})
    place = Path(stand_ins.to_read("/a/b"))
    assert place.read_text() == "c"
    stand_ins.close()
    assert not place.exists()
    assert stand_ins.to_read("/a/b") == "/a/b"
