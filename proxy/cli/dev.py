"""`sealgate dev`: a store, the key service and the proxy on this machine, to try things out.

The same `sealgate serve` as anywhere, in front of a SeaweedFS, both children of this process. It stops when
it is told to or when one of them ends, and takes all of them with it: by signals where it can, else by the
leash that they are on.
"""

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import click
from click.core import ParameterSource

from proxy.cli import devdata, devprocess
from proxy.cli.demo import DemoFailed, show
from proxy.cli.devdata import Data, DataRefused, default_directory
from proxy.cli.devports import LOOPBACK, PortRefused, Wanted, choose
from proxy.cli.devprocess import Child, ProcessEnded, Stopping
from proxy.cli.devstore import (
    ANSWER_SECONDS,
    INTERNAL_PORTS,
    EmbeddedStore,
    StoreMissing,
    find_weed,
)
from proxy.cli.options import loaded
from proxy.config.schema import Config
from proxy.metrics import Metrics
from proxy.runtime.store import open_store
from proxy.supervisor.environment import ROOT
from proxy.upstream.messages import Request, UpstreamError

STORE_START_SECONDS = 60.0
SERVICE_START_SECONDS = 60.0
ONE_PRESS_SECONDS = 0.5
"""One Ctrl-C may come twice, through a program that started this one: only a later one is a second."""

# Its filer waits 15 seconds for streams between its own parts that never end. What it has acknowledged is in
# files by then: nothing is lost with it.
STOP_STORE = Stopping(
    first=signal.SIGTERM, patience_seconds=1, hurried=signal.SIGKILL, orphaned=signal.SIGKILL
)
# It drains on the first signal, and on SIGINT during that ends at once (proxy/supervisor/service.py).
STOP_SERVICE = Stopping(
    first=signal.SIGTERM, patience_seconds=20, hurried=signal.SIGINT, orphaned=signal.SIGTERM
)

# Name -> option, and what is there.
PORTS = {
    "s3": ("--port", "S3"),
    "kms": ("--kms-port", "KMS"),
    "admin": ("--admin-port", "health, metrics"),
    "store": ("--store-port", "the store behind"),
}

number = click.IntRange(0, 65535)


@click.command(epilog="Example: sealgate dev --demo")
@click.option("--port", "s3", type=number, default=9000, show_default=True, help="For S3 clients.")
@click.option("--admin-port", "admin", type=number, default=9001, show_default=True, help="Health, metrics.")
@click.option("--kms-port", "kms", type=number, default=9002, show_default=True, help="For KMS clients.")
@click.option("--store-port", "store", type=number, default=9003, show_default=True, help="The store's own.")
@click.option(
    "--data-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Kept between runs. [default: ~/.local/share/sealgate-dev]",
)
@click.option("--demo", is_flag=True, help="Show what happens to a file, then go on.")
@click.pass_context
def dev(ctx: click.Context, /, data_dir: Path | None, *, demo: bool, **ports: int) -> None:
    """Run a store, the key service and the proxy here, to try them out, until Ctrl-C.

    Everything listens on 127.0.0.1. Where a port's default is taken, a free one is used; 0 takes any free
    one. DIR/env has the lines that point AWS's tools at it: `source DIR/env`. Prints `ready` when all of it
    answers.
    """
    wanted = {
        name: Wanted(
            option=option,
            port=ports[name],
            given=ctx.get_parameter_source(name) is not ParameterSource.DEFAULT,
        )
        for name, (option, _) in PORTS.items()
    }
    os.umask(0o077)
    try:
        weed = find_weed()
        with devdata.locked((data_dir or default_directory()).absolute()) as data:
            found = choose(wanted, INTERNAL_PORTS)
            devdata.prepare(data, found)
            store = EmbeddedStore(
                program=weed,
                directory=data.path / "store",
                ports=found,
                access_key=devdata.STORE_ACCESS_KEY,
                secret=data.secret("store"),
            )
            devdata.initialise_hsm(loaded(data.config))
            asyncio.run(_until_stopped(_Stack(data=data, store=store, wanted=wanted), demo=demo))
    except (StoreMissing, DataRefused, PortRefused, ProcessEnded, DemoFailed) as exc:
        raise click.ClickException(str(exc)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stack:
    data: Data
    store: EmbeddedStore
    wanted: Mapping[str, Wanted]

    def start_store(self) -> Child:
        devdata.write_private(self.data, self.store.directory / "s3.json", self.store.credentials())
        return self._start("the store", "store", self.store.command, STOP_STORE, self.store.environment)

    def start_service(self) -> Child:
        program = "from proxy.cli.main import main; main()"
        command = [sys.executable, "-P", "-c", program, "serve", "--config", str(self.data.config)]
        return self._start("the proxy", "sealgate", command, STOP_SERVICE, dict(os.environ))

    def _start(
        self, name: str, log: str, command: list[str], stopping: Stopping, environment: dict[str, str]
    ) -> Child:
        return devprocess.start(
            name,
            command,
            stopping=stopping,
            log=self.data.log(log),
            log_descriptor=devdata.open_log(self.data, log),
            # Not where the user is: the store takes up configurations that lie there.
            directory=self.store.directory,
            environment={**environment, "PYTHONPATH": str(ROOT)},
            inherited=self.data.lock,
        )


async def _until_stopped(stack: _Stack, *, demo: bool) -> None:
    """Raises ProcessEnded, DataRefused or DemoFailed. However it ends, no process is left."""
    stop, hurry = asyncio.Event(), asyncio.Event()
    _listen_for_signals(stop, hurry)
    async with contextlib.AsyncExitStack() as started:
        await _unless(stop, _run(stack, started, hurry, demo=demo))
        if stop.is_set():
            click.echo("stopping", err=True)


async def _run(
    stack: _Stack, started: contextlib.AsyncExitStack, hurry: asyncio.Event, *, demo: bool
) -> None:
    async with _session() as session:
        store = stack.start_store()
        started.callback(stack.store.remove_sockets)
        started.push_async_callback(store.stop, hurry)
        await store.until(lambda: stack.store.answers(session), within_seconds=STORE_START_SECONDS)
        await _make_state_bucket(loaded(stack.data.config))
        service = stack.start_service()
        started.push_async_callback(service.stop, hurry)
        ready = f"http://{LOOPBACK}:{stack.store.ports['admin']}/readyz"
        await service.until(lambda: _answers(session, ready), within_seconds=SERVICE_START_SECONDS)
    click.echo(_places(stack) + "ready")
    if demo:
        await show(stack.data, stack.store.ports)
    await devprocess.until_one_ends([store, service])


async def _make_state_bucket(config: Config) -> None:
    """Raises DataRefused."""
    store = open_store(config.upstreams[0], Metrics())
    try:
        async with store.upstream.open(Request(method="PUT", path=f"/{devdata.STATE_BUCKET}")) as response:
            if response.status not in {200, 409}:
                raise DataRefused(f"the store answered {response.status} to making its state bucket")
    except UpstreamError as exc:
        raise DataRefused(f"the store's state bucket cannot be made: {exc}") from None
    finally:
        await store.upstream.aclose()


async def _unless(stop: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """The work to its end, or to where it is when `stop` is set."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
    finally:
        stopped.cancel()


def _listen_for_signals(stop: asyncio.Event, hurry: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    first: list[float] = []

    def told() -> None:
        if stop.is_set() and loop.time() > first[0] + ONE_PRESS_SECONDS:
            hurry.set()
        elif not stop.is_set():
            first.append(loop.time())
            stop.set()

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if each is not signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN:  # nohup
            loop.add_signal_handler(each, told)


@contextlib.asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS)) as session:
        yield session


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answered:
            return answered.status == 200
    except (aiohttp.ClientError, OSError):
        return False


def _places(stack: _Stack) -> str:
    lines = []
    for name, (_, what) in PORTS.items():
        port, usual = stack.store.ports[name], stack.wanted[name].port
        other = "" if usual in (0, port) else f"   (port {usual} is taken)"
        lines.append(f"  {what:<16} http://{LOOPBACK}:{port}{other}\n")
    shell = f"source {shlex.quote(str(stack.data.env))}"
    return "".join(lines) + f"  {'data':<16} {stack.data.path}\n  {'for AWS tools':<16} {shell}\n"
