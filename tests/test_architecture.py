"""The house's import rules, as a table: a new arrow is a decision, made here, and not an accident."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STDLIB = sys.stdlib_module_names

# What parts that know nothing of the network may not take even from the standard library.
IMPURE = {
    "asyncio",
    "socket",
    "ssl",
    "logging",
    "random",
    "secrets",
    "subprocess",
    "threading",
    "sqlite3",
    "http",
    "urllib.request",
}

# Room -> what it may import beside itself, the standard library (without IMPURE for the pure ones) and these.
PURE: dict[str, set[str]] = {
    "proxy.auth": {"cryptography"},
    "proxy.policy": set(),
    "proxy.s3": {
        "cryptography",
        "awscrt.checksums",
    },  # awscrt: CRC32C and CRC64NVME at 64 GB/s, pure functions
    "proxy.seal": {"cryptography"},
    "proxy.hsm.core": {"cryptography", "proxy.policy"},
    "proxy.audit.event": set(),
    "proxy.audit.chain": {"cryptography"},
    "proxy.config.schema": {  # the types of its fields
        *("proxy.config.terms", "proxy.config.quotas", "proxy.config.root_key", "proxy.config.failover"),
    },
    "proxy.config.root_key": {"proxy.config.terms"},
    "proxy.config.failover": {"proxy.config.terms"},
    "proxy.config.quotas": {"proxy.config.terms"},
    "proxy.config.terms": set(),
}

# Room -> rooms of ours that it may see. `runtime` and `cli` are the two that see nearly all.
ARROWS: dict[str, set[str]] = {
    "proxy.config": {"proxy.policy"},  # a policy that makes no sense is a configuration that makes none
    "proxy.keys": {"proxy.auth"},
    "proxy.chunks": set(),  # both sides of the proxy read this coding, and by one reader
    "proxy.finish": set(),  # so each that has something to complete may see it
    "proxy.upstream": {"proxy.auth", "proxy.chunks", "proxy.finish"},
    "proxy.hsm": {
        *("proxy.auth", "proxy.policy", "proxy.finish"),
        *("proxy.audit.event", "proxy.audit.journal"),
    },
    "proxy.audit": set(),
    "proxy.metrics": set(),
    "proxy.gateway": {
        "proxy.auth",
        "proxy.policy",
        "proxy.s3",
        "proxy.seal",
        "proxy.keys.provider",
        "proxy.upstream.messages",
        "proxy.upstream.capabilities",  # facts about stores, as a table: what handlers decide by
        "proxy.audit.event",
        "proxy.chunks",
        "proxy.finish",
    },
    "proxy.probe": {
        *("proxy.s3.markup", "proxy.finish"),
        *("proxy.upstream.messages", "proxy.upstream.capabilities"),
    },
    "proxy.jobs": {
        "proxy.s3",
        "proxy.seal",
        "proxy.upstream.messages",
        "proxy.gateway.state",  # where state lies is told once
    },
    "proxy.admin": {"proxy.metrics"},
    "proxy.supervisor": set(),
    "recovery": set(),
}

# Whoever may import these rooms, and nobody else.
ONLY: dict[str, set[str]] = {
    "proxy.runtime": {"proxy.cli", "proxy.runtime"},
    "proxy.hsm": {"proxy.hsm", "proxy.cli", "proxy.runtime"},
    "proxy.config": {"proxy.config", "proxy.cli", "proxy.runtime"},
    "proxy.supervisor": {"proxy.supervisor", "proxy.cli", "proxy.runtime"},
}


def test_the_rules_name_rooms_that_exist() -> None:
    """A rule about a room that was renamed would hold for ever and mean nothing."""
    named = {room for room in (*ARROWS, *ONLY) if not room.startswith("proxy.audit.chain")}

    assert {room for room in named if not _files(room)} == set()


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_imports_only_the_standard_library_and_what_the_table_names(room: str) -> None:
    """Bytes, time and randomness are arguments; there is no socket, clock or log to reach for."""
    allowed = PURE[room]

    assert [
        (file.name, name)
        for file, name in _imports(room)
        if not _inside(name, room)
        and not any(_inside(name, other) for other in allowed)
        and (name.split(".")[0] not in STDLIB or any(_inside(name, bad) for bad in IMPURE))
    ] == []


@pytest.mark.parametrize("room", ARROWS)
def test_a_room_sees_only_the_rooms_that_the_table_names(room: str) -> None:
    assert [
        (file.name, name)
        for file, name in _imports(room)
        if _inside(name, "proxy") and not any(_inside(name, other) for other in (room, *ARROWS[room]))
    ] == []


@pytest.mark.parametrize("room", ONLY)
def test_some_rooms_are_entered_by_few(room: str) -> None:
    assert [
        (file.name, name)
        for file, name in _imports("proxy")
        if _inside(name, room) and not any(_inside(_module(file), who) for who in ONLY[room])
    ] == []


@pytest.mark.parametrize(
    "path", [p for top in ("proxy", "recovery", "tests") for p in sorted((ROOT / top).rglob("*.py"))], ids=str
)
def test_a_file_fits_in_the_head(path: Path) -> None:
    """About 120 lines, 400 at most; functions 60 at most."""
    lines = path.read_text().splitlines()
    functions = [
        n
        for n in ast.walk(ast.parse("\n".join(lines)))
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert len(lines) <= 400
    assert [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= 60] == []


def test_packages_export_nothing() -> None:
    """A package's __init__ is empty: everything is imported where it is defined."""
    assert [p for p in (ROOT / "proxy").rglob("__init__.py") if p.read_text()] == []


def _files(room: str) -> list[Path]:
    place = ROOT.joinpath(*room.split("."))
    return sorted(place.rglob("*.py")) or [f for f in [place.with_suffix(".py")] if f.exists()]


def _imports(room: str) -> Iterator[tuple[Path, str]]:
    for file in _files(room):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: relative import"
                yield from ((file, f"{node.module}.{alias.name}") for alias in node.names)


def _inside(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def _module(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)
