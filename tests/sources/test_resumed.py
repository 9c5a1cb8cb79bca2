from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kumolog.checkpoint import Reached
from kumolog.errors import KumologError
from kumolog.sources.lines import Block, Overlong
from kumolog.sources.paths import Input
from kumolog.sources.resumed import ResumedInputs, unread
from kumolog.sources.stop import Stop

Unit = tuple[int, int, bytes]
LIMIT = 12


def units(piece: Block | Overlong) -> list[Unit]:
    """What of which line a piece has."""
    if isinstance(piece, Overlong):
        return [(piece.line, piece.part, piece.text)]
    return [(n, 0, line) for n, line in zip(piece.numbers, piece.lines, strict=True)]


def read(path: Path, known: dict[str, Reached], pieces: int, said: list[str]) -> list[Unit]:
    """Reads so many pieces, or all; ``known`` is brought up to date."""
    found: list[Unit] = []
    with Stop() as stop:
        inputs = ResumedInputs([Input(str(path))], dict(known), said.append, stop, LIMIT)
        for piece in inputs:
            if not pieces:
                break
            pieces -= 1
            found += units(piece)
            known |= inputs.take_reached()
        else:
            known |= inputs.take_reached()
    return found


TEXT = st.lists(
    st.sampled_from([b"a", b"bb\r", b"", b" ", b"c" * 11, b"d" * 12, b"e" * 13, b"f" * 40]),
    max_size=12,
)
PACK = st.sampled_from([bytes, gzip.compress, zstandard.compress])


@settings(deadline=None)
@given(TEXT, TEXT, st.booleans(), PACK, st.lists(st.integers(0, 4), max_size=4))
def test_runs_that_end_anywhere_give_what_one_run_gives(
    first: list[bytes],
    more: list[bytes],
    ends: bool,
    pack: Callable[[bytes], bytes],
    stops: list[int],
) -> None:
    """Numbered lines, so that each is another one, in a file that grows between runs."""
    lines = [b"%d" % n + line for n, line in enumerate(first + more)]
    whole = b"\n".join(lines) + b"\n" * ends
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "in"
        found: list[Unit] = []
        known: dict[str, Reached] = {}
        said: list[str] = []
        path.write_bytes(pack(b"".join(line + b"\n" for line in lines[: len(first)])))
        for pieces in stops:
            found += read(path, known, pieces, said)
        path.write_bytes(pack(whole))
        found += read(path, known, -1, said)
        assert said == []
        assert found == read(path, {}, -1, said)
        assert known[os.path.realpath(path)].covers(path.stat())


@settings(deadline=None)
@given(TEXT.filter(len), TEXT)
def test_a_line_that_grew_is_given_whole(first: list[bytes], more: list[bytes]) -> None:
    begun = b"\n".join(b"%d" % n + line for n, line in enumerate(first))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "in"
        known: dict[str, Reached] = {}
        said: list[str] = []
        path.write_bytes(begun)
        before = read(path, known, -1, said)
        path.write_bytes(begun + b"x" + b"\n".join(more))
        after = read(path, known, -1, said)
        assert said == []
        assert set(before + after) >= set(read(path, {}, -1, said))


@pytest.mark.parametrize("data", [b"1\n3\n", b"1\n", b"", b"1\n\n5\n"])
def test_another_file_is_read_from_its_start_and_told(tmp_path: Path, data: bytes) -> None:
    path, said = tmp_path / "in", list[str]()
    known: dict[str, Reached] = {}
    path.write_bytes(b"1\n2\n")
    read(path, known, -1, said)
    path.write_bytes(data)
    assert read(path, known, -1, said) == read(path, {}, -1, [])
    assert len(said) == 1
    assert "line 2, up to which it was read before, is not there or another one" in said[0]


def test_nothing_is_told_of_an_input_that_breaks_off_earlier_than_before(tmp_path: Path) -> None:
    path, said = tmp_path / "in", list[str]()
    known: dict[str, Reached] = {}
    path.write_bytes(zstandard.compress(b"1\n2\n"))
    read(path, known, -1, said)
    before = dict(known)
    for data in (zstandard.compress(b"1\n") + b"nonsense", zstandard.compress(b"1\n2\n")[:-5]):
        path.write_bytes(data)
        assert read(path, known, -1, said) == []
        assert known == before
    assert ["corrupt" in text for text in said] == [True, False]


def test_unread_are_files_each_once_that_have_changed(tmp_path: Path) -> None:
    for name in ("a", "b", "state"):
        (tmp_path / name).write_bytes(b"1\n")
    (tmp_path / "link").symlink_to("a")
    paths = [str(tmp_path / name) for name in ("a", "b", "state", "link", "a", "gone")]
    known = {paths[1]: Reached().whole(os.stat(paths[1]))}
    found = unread([Input(path) for path in paths], known, paths[2])
    assert [Path(entry.path).name for entry in found] == ["a", "gone"]
    with open(paths[1], "ab") as file:
        file.write(b"2\n")
    assert len(unread([Input(paths[1])], known, "")) == 1


@pytest.mark.parametrize("path", ["-", "/dev/null", "/"])
def test_what_is_no_file_has_no_unread_part(path: str) -> None:
    with pytest.raises(KumologError, match="with a checkpoint only files and directories"):
        unread([Input(path)], {}, "")
