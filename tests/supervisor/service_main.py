"""The program that supervisor tests start as the service: a plan made from one JSON argument.

Writes its port and `ready` to standard output; ends with code 1 and one line on standard error where the
service failed.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from proxy.cli import logs
from proxy.supervisor import service, sockets
from proxy.supervisor.environment import clean
from proxy.supervisor.plan import Place, Plan
from proxy.supervisor.restart import Policy
from proxy.supervisor.service import ServiceFailed

ROLES = Path(__file__).with_name("roles.py")


def main() -> int:
    told = json.loads(sys.argv[1])
    logs.set_up("supervisor", "debug")
    workers = told.get("workers", 1)
    ports = sockets.bind_tcp("listen", "127.0.0.1", told.get("port", 0), count=workers)
    sys.stdout.write(f"{ports[0].getsockname()[1]}\n")
    hsm_socket = sockets.bind_unix("hsm.socket", Path(told["hsm_socket"]))
    text = json.dumps({**told, "padding": "x" * told.get("padding_bytes", 0)})
    timing = {name: told.get(name, 20.0) for name in ("start_seconds", "drain_seconds")}
    timing["closing_seconds"] = told.get("closing_seconds", 0.1)
    hsm = Place(
        role="hsm",
        config_text=text,
        environment=clean(os.environ),
        sockets={"hsm": hsm_socket},
        with_proxy_credential=True,
        **timing,
    )
    crowd = tuple(
        Place(
            role="worker",
            config_text=text,
            number=number,
            environment=clean(os.environ),
            secrets={"UPSTREAM_SECRET": "only for the worker"},
            sockets={"listen": port},
            with_proxy_credential=True,
            **timing,
        )
        for number, port in enumerate(ports)
    )
    plan = Plan(
        stages=((hsm,), crowd),
        config_path="test",
        command=(sys.executable, "-P", str(ROLES)),
    )
    policy = Policy(**told.get("policy", {"first_delay_seconds": 0.01, "longest_delay_seconds": 0.05}))
    try:
        asyncio.run(service.run(plan, policy=policy, on_ready=on_ready))
    except ServiceFailed as exc:
        sys.stderr.write(f"Error: {exc}\n")
        return 1
    return 0


def on_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
