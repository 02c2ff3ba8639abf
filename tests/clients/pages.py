"""A web site and a browser that visits it: Chromium without a screen, and what its pages report."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.tools import debian

PATIENCE_SECONDS = 180
OFFLINE = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""The browser finds no other host."""


class Site:
    """Serves the pages that it is given. A page reports by `POST /report`, or by landing on `/landed`."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self._reports: queue.Queue[Any] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.origin = f"http://127.0.0.1:{self._server.server_port}"

    def report(self) -> Any:
        """What a page reports next."""
        return self._reports.get(timeout=PATIENCE_SECONDS)

    @contextlib.contextmanager
    def open(self) -> Iterator["Site"]:
        serving = threading.Thread(target=self._server.serve_forever)
        serving.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            serving.join()
            self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pages, reports = self.pages, self._reports

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                place = urlsplit(self.path)
                if place.path == "/landed":
                    reports.put(dict(parse_qsl(place.query)))
                self._answer(pages.get(place.path, ""))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                reports.put(json.loads(body))
                self._answer("")

            def _answer(self, page: str) -> None:
                self.send_response(200 if page else 204)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(page.encode())))
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextlib.contextmanager
def visiting(url: str, home: Path) -> Iterator[None]:
    """A browser on this page, for as long as the block lasts."""
    log = (home / "browser.log").open("wb")
    browser = subprocess.Popen(
        [
            debian("chromium-headless-shell"),
            *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
            *("--disable-background-networking", f"--host-resolver-rules={OFFLINE}"),
            *("--remote-debugging-port=0", f"--user-data-dir={home}", url),
        ],
        stdout=log,
        stderr=log,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home)},
        start_new_session=True,
    )
    try:
        yield
    finally:
        # The group: what was started is a script of Debian's, and the browser its child.
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
        log.close()


def script(body: str, **values: object) -> str:
    """A page that runs this, with the values as constants, and reports what it returns or throws."""
    constants = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
    return f"""<!doctype html><script>
        {constants}
        (async () => {{ {body} }})().catch(error => ({{failed: String(error)}})).then(told =>
            told && fetch("/report", {{method: "POST", body: JSON.stringify(told)}}));
    </script>"""


def form(url: str, fields: Mapping[str, str], *, file_name: str, text: str) -> str:
    """A page whose form is filled in and sent as a visitor would: the browser makes the body."""
    hidden = "".join(f"<input type=hidden name='{name}' value='{value}'>" for name, value in fields.items())
    return f"""<!doctype html>
        <form action="{url}" method="post" enctype="multipart/form-data">
            {hidden}<input type="file" name="file"><input type="submit" name="submit" value="Upload">
        </form><script>
            const chosen = new DataTransfer();
            chosen.items.add(new File([{json.dumps(text)}], {json.dumps(file_name)}, {{type: "text/plain"}}));
            document.querySelector("[type=file]").files = chosen.files;
            document.querySelector("[type=submit]").click();
        </script>"""
