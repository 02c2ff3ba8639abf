"""What `sealgate keys cost` says that caching saved."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from proxy.cli.keys.money import saved_by_caching
from proxy.cli.options import loaded
from tests.cli.configs import written


class Metrics(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # its base calls it that way
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"sealgate_kms_calls_saved_total 1000000.0\n")

    def log_message(self, *_: Any) -> None:
        """Nothing of it is the test's output."""


def test_the_metrics_are_asked_for_on_this_machine_whatever_proxy_the_shell_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        config = loaded(written(tmp_path, admin={"port": server.server_port}))
        saved = saved_by_caching(config, {"RequestPricePer10000": "0.03"})
        server.shutdown()
        thread.join()

    assert saved == {"Calls": 1_000_000, "Amount": "3.0000"}
