from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from kumolog.checkpoint import Checkpoint, Reached
from kumolog.errors import KumologError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_what_was_saved_is_there_again_whatever_the_names_are(path: Path) -> None:
    inputs = {os.fsdecode(b"/gone/\xff"): Reached.at(3, 1, b"text"), "/gone/b": Reached(size=5)}
    with Checkpoint(path, "p.lua", "r") as checkpoint:
        checkpoint.note(inputs)
        checkpoint.save()
    assert json.loads(path.read_bytes())["inputs"]["/gone/b"] == {"size": 5}
    with Checkpoint(path, "p.lua", "r") as checkpoint:
        assert checkpoint.inputs == inputs


def test_an_input_that_was_deleted_is_forgotten(path: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.touch()
    with Checkpoint(path, "p.lua", None) as checkpoint:
        checkpoint.note({str(kept): Reached(1), str(tmp_path / "deleted"): Reached(1)})
        checkpoint.save()
    with Checkpoint(path, "p.lua", None) as checkpoint:
        assert list(checkpoint.inputs) == [str(kept)]


def test_it_is_replaced_as_a_whole_and_stays_when_that_fails(path: Path) -> None:
    with Checkpoint(path, "p.lua", None) as checkpoint:
        checkpoint.note({"/gone/1": Reached(1)})
        checkpoint.save()
        before = path.read_bytes()
        (path.parent / ".state.new").unlink(missing_ok=True)
        (path.parent / ".state.new").mkdir()
        checkpoint.note({"/gone/2": Reached(2)})
        with pytest.raises(KumologError, match=r"writing the checkpoint .*state: Is a directory"):
            checkpoint.save()
        assert path.read_bytes() == before
        (path.parent / ".state.new").rmdir()
        checkpoint.save()
    assert len(json.loads(path.read_bytes())["inputs"]) == 2
    assert os.listdir(path.parent) == ["state"]


def test_it_is_held_also_after_it_was_replaced(path: Path) -> None:
    with Checkpoint(path, "p.lua", None) as checkpoint:
        for line in (1, 2):
            with pytest.raises(KumologError, match="another run uses it"):
                Checkpoint(path, "p.lua", None, patience=0)
            checkpoint.note({"/gone/1": Reached(line)})
            checkpoint.save()
    Checkpoint(path, "p.lua", None).close()


def test_it_is_waited_for_while_a_run_that_was_killed_ends(path: Path) -> None:
    former = Checkpoint(path, "p.lua", None)
    former.note({"/gone/1": Reached(1)})
    former.save()
    end = threading.Timer(0.3, former.close)
    end.start()
    with Checkpoint(path, "p.lua", None, patience=60) as checkpoint:
        assert checkpoint.inputs == {"/gone/1": Reached(1)}
    end.join()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "\udcff",
        "[" * 100_000,
        '{"policy":"p","root":null}',
        '{"policy":"p","root":null,"inputs":{"/x":{"line":"1"}}}',
        '{"policy":"p","root":null,"inputs":{"/x":{"lines":1}}}',
        '{"policy":"p","root":null,"inputs":{},"more":1}',
    ],
)
def test_what_is_no_checkpoint_is_refused_and_left_alone(path: Path, content: str) -> None:
    path.write_bytes(content.encode(errors="surrogateescape"))
    before = path.read_bytes()
    with pytest.raises(KumologError, match="it is none of kumolog run"):
        Checkpoint(path, "p.lua", None)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("name", "said"), [("no/x", "No such file"), (".", "Is a directory")])
def test_a_place_where_it_cannot_be_is_refused(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(KumologError, match=f"opening the checkpoint .*{said}"):
        Checkpoint(tmp_path / name, "p.lua", None)


def test_a_pipe_is_refused(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(KumologError, match="it is no regular file"):
        Checkpoint(path, "p.lua", None)


def test_one_that_was_never_saved_is_taken_away(path: Path) -> None:
    Checkpoint(path, "p.lua", None).close()
    assert not path.exists()


def test_a_file_is_known_by_its_last_line_or_what_became_of_it() -> None:
    reached = Reached.at(1, 0, b"abc")
    assert reached.knows(b"abc")
    assert reached.knows(b"abcdef")
    assert not reached.knows(b"ab")
    assert not reached.knows(b"abd")


def test_one_whose_write_bits_were_taken_is_replaced_all_the_same(path: Path) -> None:
    for line in (1, 2):
        with Checkpoint(path, "p.lua", None) as checkpoint:
            checkpoint.note({"/gone/1": Reached(line)})
            checkpoint.save()
        path.chmod(0o444)
    assert json.loads(path.read_bytes())["inputs"]["/gone/1"]["line"] == 2
