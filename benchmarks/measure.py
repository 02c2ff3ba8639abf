"""Measures in rounds: every round asks every target once, so that a busy machine is busy for all alike.

Figures are medians over the rounds; ratios and differences are taken within a round, then their median.
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median

from benchmarks.asks import ask, ask_kms
from benchmarks.native import Load, Programs, Work, command, parse, run
from benchmarks.objects import BUCKET, CLIENT, SIZES, aws
from benchmarks.processes import TOOL_CORE, cpu_seconds, forget_peak, pinned, resident_bytes
from benchmarks.scene import Scene, Target
from tests.stores.sealgate import Sealgate

IDLE_CONNECTIONS = 200
TRANSFERS = 64
SMALL_CLIENTS, LARGE_CLIENTS = 16, 4
HSM_CLIENTS = 16
RANGE = "bytes=20000000-20004095"
CHEAP = {"nginx": (5, 2)}
"""How much more often than the others a cheap target is asked for small and for large, so that its processor
time can be told."""
ROUNDS_SECONDS, FEWEST_ROUNDS = 300, 2
"""No round begins later than this, but for the fewest: the bench as a whole ends within eight minutes."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    name: str
    method: str
    size: str
    requests: int
    byte_range: str = ""
    fewer: dict[str, float] = field(default_factory=dict)
    """For targets that take much longer: the share of `requests` that they are asked."""

    @property
    def large(self) -> bool:
        return self.size == "large" and not self.byte_range

    @property
    def clients(self) -> int:
        return LARGE_CLIENTS if self.large else SMALL_CLIENTS


CASES = (
    Case(name="get4k", method="GET", size="small", requests=2400),
    Case(name="put4k", method="PUT", size="small", requests=1600),
    # rclone reads on to the object's end: 14 ms and more a range.
    Case(name="range4k", method="GET", size="large", byte_range=RANGE, requests=1600, fewer={"rclone": 0.03}),
    Case(name="get64m", method="GET", size="large", requests=16, fewer={"rclone": 0.5}),
    Case(name="put64m", method="PUT", size="large", requests=16, fewer={"rclone": 0.25}),
)


@dataclass(slots=True, kw_only=True)
class Figures:
    """What was measured, one value a round. Processor time in seconds a request or a transfer."""

    rounds: int = 0
    cpu: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """By target and case."""
    rate: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """Requests a second over the real store, by target and case."""
    latency: dict[tuple[str, str], list[Load]] = field(default_factory=dict)
    """At one client, by store and target."""
    memory: dict[tuple[str, str], int] = field(default_factory=dict)
    """Bytes, by target and what."""
    checking: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """Processor time over the real store, by what makes it check, and case."""
    hsm: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Calls a second and processor seconds a call, by door."""


class Bench:
    def __init__(
        self, scene: Scene, programs: Programs, directory: Path, *, scale: float, rounds: int, say: Say
    ) -> None:
        """`scale` multiplies the counts of requests."""
        self.figures = Figures()
        self._scene = scene
        self._programs = programs
        self._asks = directory / "asks"
        self._asks.mkdir()
        self._scale = scale
        self._rounds = rounds
        self._say = say
        self._until = time.monotonic() + ROUNDS_SECONDS
        kms = aws("kms", scene.hsm.kms_url, CLIENT)
        self._kms_key = kms.create_key()["KeyMetadata"]["KeyId"]

    def whole(self) -> Figures:
        with pinned(TOOL_CORE):
            self._warm()
            self._measure_memory()
            for number in range(self._rounds):
                if number >= FEWEST_ROUNDS and time.monotonic() > self._until:
                    self._say("the time is over: no further round")
                    break
                self.figures.rounds += 1
                self._say(f"round {number + 1} of {self._rounds}")
                self._measure_cpu()
                self._measure_checking()
                self._measure_latency()
                self._measure_throughput()
                self._measure_hsm()
        return self.figures

    # Loads

    def _work(self, target: Target, case: Case, *, clients: int, requests: int) -> Work:
        """Signed anew, since signatures grow old. Writers have a key each."""
        size = SIZES[case.size] if case.method == "PUT" else 0
        files = [
            ask(
                self._asks / f"{target.name}-{case.name}-{client}",
                case.method,
                f"{target.url}/{BUCKET}/{_key(case, client)}",
                target.account,
                body_bytes=size,
                byte_range=case.byte_range,
            )
            for client in range(clients if size else 1)
        ]
        address = target.address
        return Work(address=address, files=files, connections=clients, requests=requests, body_bytes=size)

    def _load(self, target: Target, case: Case, *, requests: float, clients: int = 0) -> Load:
        """At least two requests a client, so that all are busy most of the time."""
        clients = clients or case.clients
        count = max(int(requests * self._scale), clients)
        return run(self._programs, self._work(target, case, clients=clients, requests=count))

    def _warm(self) -> None:
        self._say("warming up")
        for target, case in product((*self._costed(), *self._scene.over_store.values()), CASES):
            if not case.large:
                self._load(target, case, requests=0 if target.name == "rclone" else 400)
            elif target.name != "rclone":
                self._load(target, case, requests=1, clients=1)

    def _costed(self) -> Iterator[Target]:
        return (target for target in self._scene.over_sink.values() if target.pid is not None)

    # What is measured

    def _measure_cpu(self) -> None:
        for case, target in product(CASES, self._costed()):
            often = CHEAP.get(target.name, (1, 1))[case.large] * case.fewer.get(target.name, 1)
            spent = self._spent(target, case, requests=case.requests * often)
            self.figures.cpu.setdefault((target.name, case.name), []).append(spent)

    def _measure_checking(self) -> None:
        for case, target in product((CASES[1], CASES[4]), self._scene.checking.values()):
            spent = self._spent(target, case, requests=case.requests)
            self.figures.checking.setdefault((target.name, case.name), []).append(spent)

    def _spent(self, target: Target, case: Case, *, requests: float) -> float:
        """Processor seconds a request."""
        pids = target.pids()
        before = cpu_seconds(pids)
        load = self._load(target, case, requests=requests)
        return (cpu_seconds(pids) - before) / load.done

    def _measure_latency(self) -> None:
        case = CASES[0]
        for store, targets in (("sink", self._scene.over_sink), ("store", self._scene.over_store)):
            for target in targets.values():
                load = self._load(target, case, requests=1500, clients=1)
                self.figures.latency.setdefault((store, target.name), []).append(load)

    def _measure_throughput(self) -> None:
        for case, target in product((CASES[0], CASES[3]), self._scene.over_store.values()):
            load = self._load(target, case, requests=case.requests * (2 if case.large else 1))
            self.figures.rate.setdefault((target.name, case.name), []).append(load.done / load.seconds)

    def _measure_memory(self) -> None:
        self._say("memory")
        for target in self._costed():
            if target.name not in {"sealgate-tls", "beside"}:
                self._measure_idle(target)
        # The others take half a minute more, which a quick run does not have; rclone's PUTs alone take that.
        names = ("nginx", "sealgate", "sealgate-tls", "rclone") if self._scale >= 1 else ("sealgate",)
        for case, name in product(CASES[3:], names):
            if (case.name, name) != ("put64m", "rclone"):
                self._measure_transfers(self._scene.over_sink[name], case)

    def _measure_idle(self, target: Target) -> None:
        work = self._work(target, CASES[0], clients=IDLE_CONNECTIONS, requests=IDLE_CONNECTIONS)
        before = resident_bytes(target.pids())
        load = subprocess.Popen(
            command(self._programs, work, hold=True), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert load.stdout is not None
        parse(load.stdout.readline())
        grown = resident_bytes(target.pids()) - before
        load.communicate()
        self.figures.memory[target.name, "idle"] = max(grown, 0) // IDLE_CONNECTIONS

    def _measure_transfers(self, target: Target, case: Case) -> None:
        """The most that its largest process held: a worker's bound is what is promised."""
        for pid in target.pids():
            forget_peak([pid])
        run(self._programs, self._work(target, case, clients=TRANSFERS, requests=TRANSFERS))
        peak = max(resident_bytes([pid], "VmHWM") for pid in target.pids())
        self.figures.memory[target.name, case.name] = peak

    def _measure_hsm(self) -> None:
        service = self._scene.hsm
        doors = (("socket", service.config["hsm"]["socket"]), ("TCP", service.kms_url.rpartition(":")[2]))
        for name, address in doors:
            file = self._ask_for_data_key(service)
            calls = max(int(3000 * self._scale), HSM_CLIENTS)
            before = cpu_seconds([self._scene.hsm_pid])
            work = Work(address=address, files=[file], connections=HSM_CLIENTS, requests=calls)
            load = run(self._programs, work)
            spent = (cpu_seconds([self._scene.hsm_pid]) - before) / load.done
            self.figures.hsm.setdefault(name, []).append((load.done / load.seconds, spent))

    def _ask_for_data_key(self, service: Sealgate) -> Path:
        document = (
            f'{{"KeyId":"{self._kms_key}","KeySpec":"AES_256","EncryptionContext":{{"a":"b"}}}}'.encode()
        )
        return ask_kms(self._asks / "kms", f"{service.kms_url}/", CLIENT, "GenerateDataKey", document)


def _key(case: Case, client: int) -> str:
    return f"written-{case.size}-{client}" if case.method == "PUT" else case.size


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Round by round, since both halves of a round ran on the same machine at the same time."""
    return median(a / b for a, b in zip(above, below, strict=True))
