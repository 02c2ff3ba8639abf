"""A store that fails at one step of an upload: an HTTP relay that knows what each request is for.

It runs in a thread of its own. `rule` decides for each step, before the store sees it. Requests pass with
their heads as they came, so that signatures hold.
"""

import asyncio
import contextlib
import io
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from tests.stores.seaweedfs import Store, free_ports

LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    name: str
    """create, part, complete, abort, parts, uploads; state get, put, list, delete; or the method."""
    method: str
    target: str
    body: bytes
    stored_bytes: int = 0
    """What the store keeps of it: a coding is taken away."""
    peer_port: int
    """Of the connection that it came over: whose it is."""

    @property
    def query(self) -> dict[str, str]:
        found = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[0] for name, values in found.items()}


class Fate(Enum):
    PASS = auto()
    CUT = auto()
    """The connection ends, and the store sees nothing."""
    LOSE = auto()
    """The store does it, and the connection ends in place of its answer."""
    KILL = auto()
    """The store does it, and whoever asked is killed before its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """What happens when the event has come; the store takes its time until then."""

    event: threading.Event
    then: "Fate | tuple[int, str]" = Fate.PASS


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUp:
    """An answer of 200 that the store never gave."""

    document: str


Verdict = Fate | tuple[int, str] | Once | MadeUp
"""An answer of the relay's own is a status and an error code."""
Rule = Callable[[Step], Verdict]


def all_pass(_: Step) -> Verdict:
    return Fate.PASS


def _nobody(step: Step) -> None:
    raise AssertionError(f"nobody is to be killed at {step}")


class StepRelay:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.rule: Rule = all_pass
        self.kill: Callable[[Step], None] = _nobody
        self.seen: list[Step] = []

    @contextlib.contextmanager
    def ruled(self, rule: Rule) -> Iterator[None]:
        """The rule holds until the end of the block; `seen` begins there."""
        self.seen = []
        self.rule = rule
        try:
            yield
        finally:
            self.rule = all_pass

    def open(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(20)

    def end(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=60),
            skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
        )
        self._runner = web.ServerRunner(web.Server(self._serve, auto_decompress=False), shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def _close(self) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        step = Step(
            name=name_of(request.method, request.raw_path),
            method=request.method,
            target=request.raw_path,
            body=body,
            stored_bytes=int(request.headers.get("x-amz-decoded-content-length", len(body))),
            peer_port=request.transport.get_extra_info("peername")[1] if request.transport else 0,
        )
        self.seen.append(step)
        verdict = self.rule(step)
        if isinstance(verdict, Once):
            assert await asyncio.to_thread(verdict.event.wait, LONGEST_WAIT_SECONDS), "it did not come"
            verdict = verdict.then
        if verdict is Fate.CUT:
            return self._cut(request)
        if isinstance(verdict, MadeUp):
            return web.Response(text=verdict.document, content_type="application/xml")
        if isinstance(verdict, tuple):
            status, code = verdict
            text = f"<Error><Code>{code}</Code><Message>of the relay</Message></Error>"
            return web.Response(status=status, text=text, content_type="application/xml")
        answer = await self._answer(request, body)
        if verdict is Fate.KILL:
            self.kill(step)
        return self._cut(request) if verdict in {Fate.LOSE, Fate.KILL} else answer

    async def _answer(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        assert self._session is not None
        url = URL(self._store.url + request.raw_path, encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "connection"}
        async with self._session.request(
            request.method,
            url,
            data=io.BytesIO(body) if body else None,
            headers=headers,
            allow_redirects=False,
        ) as answer:
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in {"transfer-encoding", "connection", "content-length"}
            }
            if request.method == "HEAD" and "content-length" in answer.headers:
                kept["content-length"] = answer.headers["content-length"]
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    def _cut(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        raise asyncio.CancelledError


@contextlib.contextmanager
def step_relay(store: Store) -> Iterator[StepRelay]:
    relay = StepRelay(store)
    relay.open()
    try:
        yield relay
    finally:
        relay.end()


_TABLE: tuple[tuple[str, str, str], ...] = (
    ("POST", r"uploads=?($|&)", "create"),
    ("POST", r"uploadId=", "complete"),
    ("POST", r"delete=?$", "state delete"),
    ("PUT", r"uploadId=", "part"),
    ("DELETE", r"uploadId=", "abort"),
    ("GET", r"uploadId=", "parts"),
    ("GET", r"uploads=?($|&)", "uploads"),
    ("GET", r"prefix=.*sealgate", "state list"),
)


def name_of(method: str, target: str) -> str:
    path, _, query = target.partition("?")
    if "/.sealgate/" in path:
        return f"state {method.lower()}"
    for where, pattern, name in _TABLE:
        if where == method and re.search(pattern, query):
            return name
    return method


class Strike:
    """Lets a flow's step number `at` fail, as often as it is tried again at once, then lets all pass."""

    def __init__(self, at: int, fate: Fate, *, times: int = 4) -> None:
        self._at = at
        self._fate = fate
        self._left = times
        self._steps = 0
        self._struck: tuple[str, str] | None = None
        self.name = ""

    def __call__(self, step: Step) -> Verdict:
        this = (step.method, step.target)
        if self._struck is None:
            self._steps += 1
            if self._steps - 1 != self._at:
                return Fate.PASS
            self._struck, self.name = this, step.name
        elif this != self._struck or not self._left:
            self._left = 0
            return Fate.PASS
        self._left -= 1
        return self._fate


class PartSizes:
    """A store's rule about the parts of an upload: of one size but the last, or numbered without gaps."""

    def __init__(self, *, equal: bool = False, consecutive: bool = False) -> None:
        self._equal = equal
        self._consecutive = consecutive
        self._sizes: dict[tuple[str, int], int] = {}
        self.refused = 0

    def __call__(self, step: Step) -> Verdict:
        upload = step.query.get("uploadId", "")
        if step.name == "part":
            self._sizes[upload, int(step.query["partNumber"])] = step.stored_bytes
        if step.name != "complete":
            return Fate.PASS
        numbers = [int(each) for each in re.findall(rb"<PartNumber>(\d+)</PartNumber>", step.body)]
        sizes = [self._sizes[upload, number] for number in numbers]
        fine = not self._equal or (
            len(set(sizes[:-1])) <= 1 and sizes[-1] <= max(sizes[:-1], default=sizes[-1])
        )
        fine = fine and (not self._consecutive or numbers == list(range(1, len(numbers) + 1)))
        self.refused += not fine
        return Fate.PASS if fine else (400, "InvalidPart")
