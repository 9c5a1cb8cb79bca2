"""Whether the bench measures what it says: each case is verified, and what is wrong is noticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zstandard
from bench.__main__ import main
from bench.cases import CASES, raw_split
from bench.extras import against_size
from bench.measure import Usage, ratio, run
from bench.peers import PEERS, Peer
from bench.records import Shape, write_events
from bench.running import Bench
from bench.verify import Log, WrongOutputError, check, expect
from support import needs_zstd, read_segment

LINES = [b'{"n":1}\n', b'{"n":2}\n', b'{"n":3}\n']


def bench_in(directory: Path, shape: Shape | None = None) -> Bench:
    return Bench(directory, 0.3, 1, shape or Shape())


def write(log: Path, text: bytes) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(zstandard.compress(text))


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, Log]:
    events = tmp_path / "events.jsonl"
    events.write_bytes(b"".join(LINES))
    return expect(events, lambda _, line: [("log", line)])


@pytest.mark.parametrize("name", CASES)
def test_a_case_writes_what_an_independent_reading_expects(tmp_path: Path, name: str) -> None:
    bench = bench_in(tmp_path)
    ours = bench.contender(CASES[name], bench.expected(CASES[name]))
    run(ours.command, tmp_path)
    ours.check()


@pytest.mark.parametrize(
    "shape",
    [Shape(300), Shape(20_000, is_ascii=False), Shape(extras=24)],
    ids=["short", "long", "meta"],
)
def test_other_records_are_expected_rightly_too(tmp_path: Path, shape: Shape) -> None:
    bench = bench_in(tmp_path, shape)
    ours = bench.contender(CASES["A"], bench.expected(CASES["A"]))
    run(ours.command, tmp_path)
    ours.check()


@needs_zstd
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_does_the_same_work(tmp_path: Path, peer: Peer) -> None:
    if not peer.is_installed():
        pytest.skip("it is not installed")
    events = bench_in(tmp_path).events()
    (tmp_path / "out").mkdir()
    run(peer.command(events), tmp_path)
    check(tmp_path / "out", expect(events, raw_split))


@needs_zstd
def test_the_command_compares_with_the_floor(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--case", "D", "--megabytes", "0.3", "--pairs", "1", "--json"])
    printed = json.loads(capsys.readouterr().out)
    (case,) = printed["cases"]
    assert case["case"] == "D"
    assert case["wall_ratio"]["median"] == pytest.approx(case["seconds"] / case["floor_seconds"])
    assert printed["about"]["megabytes"] == 0.3


@needs_zstd
def test_a_table_is_there_for_people_and_for_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--case", "D", "--megabytes", "0.1", "--pairs", "1", "--markdown"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row.count("|") for row in rows] == [rows[0].count("|")] * 3


@needs_zstd
@pytest.mark.parametrize("name", ["jobs", "profile", "sizes"])
def test_what_is_asked_beside_the_cases_is_measured_alone(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    values = {"sizes": ["0.0001,0.0002"]}.get(name, [])
    main([f"--{name}", *values, "--megabytes", "0.1", "--pairs", "1", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() == {"about", name}
    assert len(printed[name]) == 2


def test_a_straight_line_leaves_no_size_off_it() -> None:
    def usages(wall: float) -> dict[str, list[Usage]]:
        return {"kumolog": [Usage(wall, 1, 40)], "floor": [Usage(1, 1, 5)]}

    table = against_size({1.0: usages(3), 2.0: usages(10), 4.0: usages(9)})
    assert [row["off_the_line"] for row in table.data] == [0, 1, 0]


def test_an_unknown_case_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--case", "A,Q"])
    assert "no case Q: A, B" in capsys.readouterr().err


def test_a_command_that_fails_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"ended with 3: no luck"):
        run(["sh", "-c", "echo no luck >&2; exit 3"], tmp_path)


SPOILT: dict[str, list[bytes]] = {
    "swapped": [LINES[1], LINES[0], LINES[2]],
    "missing": LINES[:2],
    "doubled": [*LINES, LINES[2]],
    "in place of another": [LINES[0], LINES[0], LINES[2]],
    "changed": [LINES[0], b'{"n":9}\n', LINES[2]],
    "without its end": [LINES[0], LINES[1], LINES[2][:-1]],
}


@pytest.mark.parametrize("lines", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_line_is_noticed(
    tmp_path: Path, expected: dict[str, Log], lines: list[bytes]
) -> None:
    write(tmp_path / "out" / "log" / "1", b"".join(lines))
    with pytest.raises(WrongOutputError, match=r"^log: "):
        check(tmp_path / "out", expected)


@pytest.mark.parametrize("name", [name for name in SPOILT if name != "swapped"])
def test_without_order_only_the_order_may_differ(
    tmp_path: Path, expected: dict[str, Log], name: str
) -> None:
    log = tmp_path / "out" / "log" / "1"
    write(log, b"".join(SPOILT["swapped"]))
    check(tmp_path / "out", expected, is_ordered=False)
    write(log, b"".join(SPOILT[name]))
    with pytest.raises(WrongOutputError):
        check(tmp_path / "out", expected, is_ordered=False)


@pytest.mark.parametrize("logs", [(), ("log", "more")], ids=["missing", "too many"])
def test_a_wrong_set_of_logs_is_noticed(
    tmp_path: Path, expected: dict[str, Log], logs: tuple[str, ...]
) -> None:
    (tmp_path / "out").mkdir()
    for log in logs:
        write(tmp_path / "out" / log / "1", b"".join(LINES))
    with pytest.raises(WrongOutputError, match="the logs written are"):
        check(tmp_path / "out", expected)


def test_every_segment_has_its_header(tmp_path: Path, expected: dict[str, Log]) -> None:
    directory = tmp_path / "out" / "log"
    write(directory / "1", b"head\n" + LINES[0])
    write(directory / "2", b"head\n" + LINES[1] + LINES[2])
    check(tmp_path / "out", expected, header=b"head\n")
    write(directory / "2", LINES[1] + LINES[2])
    with pytest.raises(WrongOutputError, match="2 begins without its header"):
        check(tmp_path / "out", expected, header=b"head\n")


def test_input_given_again_is_expected_again(tmp_path: Path, expected: dict[str, Log]) -> None:
    write(tmp_path / "out" / "log" / "1", b"".join(LINES + LINES))
    check(tmp_path / "out", expected, repeats=2)
    for repeats in (1, 3):
        with pytest.raises(WrongOutputError):
            check(tmp_path / "out", expected, repeats=repeats)


def test_what_kumolog_wrote_is_noticed_when_it_is_spoilt(tmp_path: Path) -> None:
    bench = bench_in(tmp_path)
    ours = bench.contender(CASES["D"], bench.expected(CASES["D"]))
    run(ours.command, tmp_path)
    (segment,) = (tmp_path / "out" / "all").iterdir()
    text = read_segment(segment)
    segment.unlink()
    write(segment, text.replace(b'"num_attempts":2', b'"num_attempts":1', 1))
    with pytest.raises(WrongOutputError):
        ours.check()


@pytest.mark.parametrize("size", [300, 600, 1050, 20_000])
def test_records_have_the_size_asked_for_and_are_always_the_same(tmp_path: Path, size: int) -> None:
    paths = [tmp_path / "1", tmp_path / "2"]
    counts = [write_events(path, 0.2, Shape(size)) for path in paths]
    one, other = (path.read_bytes() for path in paths)
    assert one == other
    assert len(one) / counts[0] == pytest.approx(size, rel=0.2)


def test_segments_hold_the_same_records_in_order(tmp_path: Path) -> None:
    bench = bench_in(tmp_path)
    texts = [read_segment(path) for path in sorted(bench.segments().iterdir())]
    assert all(text.endswith(b"}\n") for text in texts)
    assert b"".join(texts) == bench.events().read_bytes()


def test_a_ratio_compares_the_runs_of_one_round() -> None:
    runs = [Usage(2, 3, 0), Usage(8, 3, 0), Usage(9, 3, 0)]
    floors = [Usage(1, 1, 0), Usage(2, 1, 0), Usage(3, 1, 0)]
    assert ratio(runs, floors, "wall") == (3, 2, 4)
    assert ratio(runs, floors, "cpu") == (3, 3, 3)
