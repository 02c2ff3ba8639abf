"""What the whole product must reach: at most so much, and what is aimed at.

Data alone. `figure` names what `measure` found; a target is met where the figure is at most its limit, or at
least, where more is better.
"""

from dataclasses import dataclass

KIB, MIB = 1024, 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    figure: str
    what: str
    limit: float
    aim: float
    unit: str = ""
    """Of figure, limit and aim: "" for a ratio, "KiB" and "MiB" for bytes, else as measured."""
    more_is_better: bool = False

    def meets(self, measured: float, bound: float) -> bool:
        return measured >= bound if self.more_is_better else measured <= bound


TARGETS = (
    Target(figure="cpu get4k / rclone", what="CPU of a 4 KiB GET, to rclone crypt's", limit=0.5, aim=0.25),
    Target(figure="cpu put4k / rclone", what="CPU of a 4 KiB PUT, to rclone crypt's", limit=0.5, aim=0.25),
    Target(figure="cpu get64m / rclone", what="CPU of a 64 MiB GET, to rclone crypt's", limit=0.5, aim=0.3),
    Target(figure="cpu get64m / nginx", what="CPU of a 64 MiB GET, to nginx's", limit=2.5, aim=1.5),
    Target(figure="cpu put64m / rclone", what="CPU of a 64 MiB PUT, to rclone crypt's", limit=0.2, aim=0.12),
    Target(figure="cpu put64m / nginx", what="CPU of a 64 MiB PUT, to nginx's", limit=3.5, aim=1.7),
    Target(
        figure="cpu range4k / get4k",
        what="CPU of a 4 KiB range of a 64 MiB object, to a 4 KiB GET's",
        limit=2,
        aim=1.5,
    ),
    Target(
        figure="throughput get4k",
        what="throughput of 4 KiB GETs at 16 clients, to the bare store's",
        limit=0.6,
        aim=0.75,
        more_is_better=True,
    ),
    Target(
        figure="throughput get64m",
        what="throughput of 64 MiB GETs, to the bare store's",
        limit=0.4,
        aim=0.5,
        more_is_better=True,
    ),
    Target(figure="memory idle", what="memory of an idle connection", limit=64, aim=24, unit="KiB"),
    Target(
        figure="memory get64m",
        what="memory of the worker, 64 GETs of 64 MiB at once",
        limit=256,
        aim=128,
        unit="MiB",
    ),
    Target(
        figure="memory put64m",
        what="memory of the worker, 64 PUTs of 64 MiB at once",
        limit=256,
        aim=128,
        unit="MiB",
    ),
    Target(
        figure="latency p50",
        what="latency added to a 4 KiB GET at one client, p50",
        limit=400,
        aim=150,
        unit="µs",
    ),
    Target(
        figure="latency p99",
        what="latency added to a 4 KiB GET at one client, p99",
        limit=1500,
        aim=500,
        unit="µs",
    ),
    Target(
        figure="hsm socket",
        what="GenerateDataKey over the socket, one core",
        limit=2000,
        aim=5000,
        unit="/s",
        more_is_better=True,
    ),
)
