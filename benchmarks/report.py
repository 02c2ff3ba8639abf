"""Turns figures into the published tables: what must be reached with ours beside it, then all else."""

import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.measure import CASES, IDLE_CONNECTIONS, TRANSFERS, Figures, ratio
from benchmarks.scene import CHECKING
from benchmarks.targets import KIB, MIB, TARGETS, Target

RESULTS = Path(__file__).parent / "RESULTS.md"
PER_GIB = 16
"""Transfers of 64 MiB."""
COSTED = ("nginx", "sealgate", "sealgate-tls", "rclone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    quick: bool
    seconds: float


def derived(figures: Figures) -> dict[str, float]:
    """The figures that targets.py names."""
    cpu, rate, memory = figures.cpu, figures.rate, figures.memory
    found = {
        f"cpu {case.name} / {peer}": ratio(cpu["sealgate", case.name], cpu[peer, case.name])
        for case in CASES
        for peer in ("rclone", "nginx")
    }
    found["cpu range4k / get4k"] = ratio(cpu["sealgate", "range4k"], cpu["sealgate", "get4k"])
    for case in ("get4k", "get64m"):
        found[f"throughput {case}"] = ratio(rate["sealgate", case], rate["store", case])
    found["memory idle"] = memory["sealgate", "idle"] / KIB
    for case in ("get64m", "put64m"):
        found[f"memory {case}"] = memory["sealgate", case] / MIB
    for name, target in (("latency", "sealgate"), ("nginx's latency", "nginx")):
        found[f"{name} p50"], found[f"{name} p99"] = added_us(figures, "sink", target, bare="sink")
    found["hsm socket"] = median(rate for rate, _ in figures.hsm["socket"])
    return found


def added_us(figures: Figures, store: str, target: str, *, bare: str) -> tuple[float, float]:
    """What a target adds to the bare store's p50 and p99."""
    pairs = list(zip(figures.latency[store, target], figures.latency[store, bare], strict=True))
    return (
        median(ours.p50_us - theirs.p50_us for ours, theirs in pairs),
        median(ours.p99_us - theirs.p99_us for ours, theirs in pairs),
    )


def page(figures: Figures, run: Run) -> str:
    found = derived(figures)
    parts = ["# What was measured", _machine(run, figures.rounds), _targets(found), _missed(found)]
    parts += [
        _cpu(figures),
        _checking(figures),
        _rate(figures),
        _latency(figures),
        _memory(figures),
        _hsm(figures),
        _how(),
    ]
    return "\n\n".join(parts) + "\n"


def missed(found: Mapping[str, float]) -> list[Target]:
    return [target for target in TARGETS if not target.meets(found[target.figure], target.limit)]


def _machine(run: Run, rounds: int) -> str:
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line for line in facts if line.startswith("model name")), ": an unknown CPU")
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    lines = (
        f"Commit {_commit()}, {when}; rounds: {rounds}, {run.seconds:.0f} s"
        + (" (QUICK: too short to publish)." if run.quick else "."),
        f"Machine: two cores of {cpu.partition(':')[2].strip()}, {platform.system()} {platform.release()},",
        f"Python {platform.python_version()}. What is measured has one core, stores and load the other.",
    )
    return "\n".join(lines)


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=RESULTS.parent).stdout

    touched = git("status", "--porcelain", "--", "../proxy", ".", ":!RESULTS.md").strip()
    return (git("rev-parse", "--short", "HEAD").strip() or "unknown") + (" with changes" if touched else "")


def _table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _targets(found: Mapping[str, float]) -> str:
    rows = [
        (
            _what(target, found),
            _told(target, target.limit),
            _told(target, target.aim),
            _told(target, found[target.figure]),
            _verdict(target, found[target.figure]),
        )
        for target in TARGETS
    ]
    return "## Beside what must be reached\n\n" + _table(("", "limit", "aim", "ours", ""), rows)


def _what(target: Target, found: Mapping[str, float]) -> str:
    """A busy machine makes everybody late: nginx tells by how much."""
    nginx = found.get(f"nginx's {target.figure}")
    return target.what if nginx is None else f"{target.what} (nginx adds {_told(target, nginx)})"


def _told(target: Target, value: float) -> str:
    digits = 0 if value >= 20 else 1 if value >= 5 else 2
    return f"{value:,.{digits}f} {target.unit}".strip()


def _verdict(target: Target, measured: float) -> str:
    if target.meets(measured, target.aim):
        return "aim met"
    return "limit met" if target.meets(measured, target.limit) else "**missed**"


def _missed(found: Mapping[str, float]) -> str:
    names = [f"- {_what(target, found)}: {_told(target, found[target.figure])}" for target in missed(found)]
    return "Missed:\n" + "\n".join(names) if names else "No limit is missed."


def _cpu(figures: Figures) -> str:
    rows = [
        (name, *(_cost(figures.cpu[name, case.name], large=case.large) for case in CASES))
        for name in (*COSTED, "beside")
        if (name, CASES[0].name) in figures.cpu
    ]
    if ("beside", CASES[0].name) in figures.cpu:
        ratios = [
            ratio(figures.cpu["sealgate", case.name], figures.cpu["beside", case.name]) for case in CASES
        ]
        rows.append(("sealgate to beside", *(f"{each:.3f}" for each in ratios)))
    heads = [f"{case.name}, {'s/GiB' if case.large else 'µs'}" for case in CASES]
    return "## Processor time, over the sink\n\n" + _table(("", *heads), rows)


def _cost(spent: Sequence[float], *, large: bool) -> str:
    return f"{median(spent) * PER_GIB:.2f}" if large else f"{median(spent) * 1e6:,.0f}"


def _checking(figures: Figures) -> str:
    put4k, put64m = CASES[1].name, CASES[4].name
    rows = [
        (
            way,
            *(_cost(figures.checking[way, name], large=name == put64m) for name in (put4k, put64m)),
            *(
                f"{ratio(figures.checking[way, name], figures.checking['none', name]):.2f}"
                for name in (put4k, put64m)
            ),
        )
        for way in CHECKING
    ]
    head = ("`integrity`", "put4k, µs", "put64m, s/GiB", "put4k, to `none`'s", "put64m, to `none`'s")
    return "## Processor time of what has the store check, over SeaweedFS\n\n" + _table(head, rows)


def _rate(figures: Figures) -> str:
    rows = [
        (
            name,
            f"{median(figures.rate[name, 'get4k']):,.0f}",
            f"{median(figures.rate[name, 'get64m']) / PER_GIB:.2f}",
        )
        for name in ("store", "nginx", "sealgate")
    ]
    head = ("", "4 KiB GET, 16 clients, requests/s", "64 MiB GET, 4 clients, GiB/s")
    return "## Throughput, over SeaweedFS\n\n" + _table(head, rows)


def _latency(figures: Figures) -> str:
    rows = []
    for store, bare, names in (("sink", "sink", COSTED), ("store", "store", ("nginx", "sealgate"))):
        for name in (bare, *names):
            loads = figures.latency[store, name]
            p50, p99 = added_us(figures, store, name, bare=bare)
            told = (median(load.p50_us for load in loads), median(load.p99_us for load in loads), p50, p99)
            over = "the sink" if store == "sink" else "SeaweedFS"
            rows.append(
                (f"{'alone' if name == bare else name}, over {over}", *(f"{each:,.0f}" for each in told))
            )
    head = ("", "p50, µs", "p99, µs", "added to p50", "added to p99")
    return "## Latency of a 4 KiB GET at one client\n\n" + _table(head, rows)


def _memory(figures: Figures) -> str:
    def told(name: str, what: str) -> str:
        value = figures.memory.get((name, what))
        if value is None:
            return "not measured"
        return f"{value / KIB:.0f} KiB" if what == "idle" else f"{value / MIB:.0f} MiB"

    kinds = ("idle", "get64m", "put64m")
    rows = [
        (name, *(told(name, what) for what in kinds))
        for name in COSTED
        if ("sealgate", "idle") in figures.memory
    ]
    head = (
        "",
        f"an idle connection, of {IDLE_CONNECTIONS}",
        f"{TRANSFERS} GETs of 64 MiB at once",
        f"{TRANSFERS} PUTs of 64 MiB at once",
    )
    return "## Resident memory: growth, and the peak of the largest process\n\n" + _table(head, rows)


def _hsm(figures: Figures) -> str:
    rows = [
        (door, f"{median(rate for rate, _ in each):,.0f}", f"{median(cost for _, cost in each) * 1e6:,.0f}")
        for door, each in figures.hsm.items()
    ]
    head = ("", "calls/s", "CPU, µs a call")
    return "## GenerateDataKey of the built-in HSM, one core, 16 connections\n\n" + _table(head, rows)


def _how() -> str:
    return """## How

`make bench` makes this page. The sink (`sink.c`) answers from memory, so that what stands in front of it
is what is measured; Sealgate and rclone crypt each open what they sealed themselves. Processor time is
that of all of a target's processes, divided by the requests done. Every round asks each target once;
figures are medians over the rounds, ratios are taken within a round. Latency is added to the sink's own.
Requests are signed in headers with UNSIGNED-PAYLOAD; rclone runs with its defaults. For TLS an nginx on
the generator's side speaks it."""
