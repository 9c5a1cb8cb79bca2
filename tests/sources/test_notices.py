"""Word of changes: what is heard, and that silence harms nobody."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from kumolog.sources import notices as module
from kumolog.sources.notices import Notices
from kumolog.sources.stop import Stop


def heard(notices: Notices, change: Callable[[], object]) -> bool:
    change()
    with Stop() as stop:
        stop.wait(10, notices.descriptors())
    return notices.take()


@pytest.fixture
def log_dir(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    return path


def test_whatever_a_writer_does_to_a_segment_is_heard(log_dir: Path) -> None:
    segment = log_dir / "20230306-022811"
    with Notices() as notices:
        notices.expect([str(log_dir)])
        assert not notices.take()
        with segment.open("wb", buffering=0) as file:
            assert notices.take()
            assert heard(notices, lambda: file.write(b"x"))
        assert heard(notices, lambda: segment.chmod(0o444))
        assert heard(notices, lambda: segment.replace(log_dir / "other"))
        assert not notices.take()


def test_what_is_not_expected_any_more_is_not_heard(log_dir: Path, tmp_path: Path) -> None:
    with Notices() as notices:
        notices.expect([str(log_dir)])
        notices.expect([str(tmp_path)])
        notices.take()
        (log_dir / "1").touch()
        assert not notices.take()


def test_a_directory_that_comes_again_is_heard_again(log_dir: Path) -> None:
    with Notices() as notices:
        notices.expect([str(log_dir)])
        assert heard(notices, log_dir.rmdir)
        notices.expect([str(log_dir)])  # it is not there
        log_dir.mkdir()
        notices.expect([str(log_dir)])
        assert heard(notices, (log_dir / "1").touch)


def test_without_notices_there_is_silence(log_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def used_up() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(module, "INotify", used_up)
    with Notices() as notices:
        notices.expect([str(log_dir)])
        (log_dir / "1").touch()
        assert not notices.take()
        assert notices.descriptors() == []
