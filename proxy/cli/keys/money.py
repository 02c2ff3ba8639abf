"""Bills as people read them, and what data-key caching saved."""

import re
import urllib.error
import urllib.request
from decimal import Decimal
from typing import Any

from proxy.cli.keys.service import Document
from proxy.config.schema import Config

PER = 10_000
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""The environment's HTTP proxies lead away from this machine."""
SAVED = re.compile(r"^sealgate_kms_calls_saved_total (\S+)$", re.MULTILINE)


def cost_rows(told: Document) -> list[dict[str, Any]]:
    """A row for each key and class of request, and the sum."""
    rows = [
        {
            "what": line["KeyArn"],
            "amount": f"{line['Hours']} h"
            + (f", rotations {line['RotationHours']} h" if line["RotationHours"] else ""),
            "usd": f"{Decimal(line['Amount']):.4f}",
        }
        for line in told["Keys"]
    ]
    rows += [
        {
            "what": f"requests, {line['Class']}",
            "amount": f"{line['Count']}, of them free {line['Free']}",
            "usd": f"{Decimal(line['Amount']):.4f}",
        }
        for line in told["Requests"]
    ]
    return [*rows, {"what": f"total {told['Month']}", "amount": "", "usd": told["Total"]}]


def saved_by_caching(config: Config, told: Document) -> dict[str, Any] | None:
    """From the metrics of the service, as long as it runs; None where it does not answer."""
    host = f"[{config.admin.address}]" if ":" in config.admin.address else config.admin.address
    try:
        page = f"http://{host}:{config.admin.port}/metrics"
        with DIRECT.open(page, timeout=5) as answer:
            found = SAVED.search(answer.read().decode())
    except (OSError, urllib.error.URLError):
        return None
    if found is None:
        return None
    calls = int(float(found[1]))
    amount = Decimal(told["RequestPricePer10000"]) * calls / PER
    return {"Calls": calls, "Amount": f"{amount:.4f}"}
