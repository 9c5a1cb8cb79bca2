"""Where the time of a run went, for people."""

from __future__ import annotations

from collections.abc import Iterator

from kumolog.profile import STAGES, Profile, Times


def profile_text(profile: Profile) -> str:
    """The lines, each with its end."""
    return "".join(f"{line}\n" for line in _lines(profile))


def _lines(profile: Profile) -> Iterator[str]:
    yield f"kumolog: where {profile.seconds:.2f} s went"
    for stage, seconds in profile.shares().items():
        share = seconds / profile.seconds if profile.seconds else 0.0
        yield f"  {STAGES[stage]:26}{seconds:9.3f} s {share:6.1%}"
        if stage == "handlers":
            width = max((len(f"{e} {p}") for e, p in profile.handlers), default=0)
            for (event, place), times in sorted(profile.handlers.items()):
                yield f"    {f'{event} {place}':{width}}  {_times(times)}"
    for log_dir, seconds in profile.writers:
        yield f"  beside them, compressing and writing {log_dir}: {seconds:.3f} s"


def _times(times: Times) -> str:
    calls = f"{times.calls:,} calls"
    if times.mean is None or times.p99 is None:
        return calls
    return f"{calls}, mean {_short(times.mean)}, 99 % within {_short(times.p99)}"


def _short(seconds: float) -> str:
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 1e-6:.3g} µs"
