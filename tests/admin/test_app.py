"""The admin port on a real socket: health, metrics, nothing else."""

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from proxy.admin.app import admin_server
from proxy.admin.readiness import Facts, Readiness, readiness
from proxy.metrics import Metrics, render


class Service:
    facts = Facts(proven=True)
    metrics = Metrics()

    async def readiness(self) -> Readiness:
        return readiness(self.facts)

    async def page(self, accept: str) -> tuple[bytes, str]:
        return render([self.metrics.snapshot()], accept)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def url(service: Service) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with admin_server(listener, render=service.page, readiness=service.readiness):
        yield f"http://127.0.0.1:{port}"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=2)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize(
    ("facts", "status", "reasons"),
    [
        (Facts(proven=True), 200, []),
        (Facts(proven=True, troubles=("the store does not answer",)), 200, []),
        (Facts(proven=False), 503, ["starting"]),
        (Facts(proven=True, draining=True), 503, ["draining"]),
        (Facts(proven=True, keys_serve=False), 503, ["no key can serve"]),
        (
            Facts(proven=False, draining=True, keys_serve=False),
            503,
            ["draining", "starting", "no key can serve"],
        ),
    ],
)
async def test_readiness_fails_only_for_what_another_replica_would_do_better(
    *,
    facts: Facts,
    status: int,
    reasons: list[str],
    service: Service,
    url: str,
    client: aiohttp.ClientSession,
) -> None:
    """Everybody's trouble stands in the body."""
    service.facts = facts
    async with client.get(f"{url}/readyz") as answer:
        body = await answer.json()

    assert answer.status == status
    assert body["ready"] is (status == 200)
    assert [reason.split(":")[0] for reason in body["reasons"]] == reasons
    assert body["troubles"] == list(facts.troubles)


async def test_a_process_that_answers_is_alive(
    service: Service, url: str, client: aiohttp.ClientSession
) -> None:
    """Also while it drains: it must not be killed for that."""
    service.facts = Facts(proven=False, draining=True)
    async with client.get(f"{url}/livez") as answer:
        assert (answer.status, await answer.json()) == (200, {"alive": True})


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [("*/*", "text/plain"), ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text")],
)
async def test_metrics_are_served_as_the_scraper_asks(
    accept: str, content_type: str, url: str, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{url}/metrics", headers={"Accept": accept}) as answer:
        page = await answer.text()

    assert answer.content_type == content_type
    assert "sealgate_audit_events_lost_total 0.0" in page


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/bucket/key", 404),
        ("GET", "/livez/", 404),
        ("POST", "/readyz", 405),
        ("PUT", "/metrics", 405),
        ("HEAD", "/readyz", 200),
    ],
)
async def test_nothing_else_is_served(
    method: str, path: str, status: int, url: str, client: aiohttp.ClientSession
) -> None:
    """The admin port is no second S3 port, and it changes nothing."""
    async with client.request(method, url + path) as answer:
        assert answer.status == status
        assert answer.headers["Server"] == "sealgate"


async def test_answers_are_never_kept_by_a_cache(url: str, client: aiohttp.ClientSession) -> None:
    for path in ("livez", "readyz", "metrics"):
        async with client.get(f"{url}/{path}") as answer:
            assert answer.headers["Cache-Control"] == "no-store"
