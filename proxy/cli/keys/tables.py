"""What these commands print: a table for a person, JSON for a script."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click


def show(rows: Sequence[Mapping[str, Any]], *, output: str, whole: Any = None) -> None:
    """A line for each row under the rows' names. As JSON it is `whole`, else the rows."""
    if output == "json":
        click.echo(json.dumps(rows if whole is None else whole, indent=2))
        return
    if not rows:
        click.echo("none", err=True)
        return
    names = list(rows[0])
    lines = [[name.upper() for name in names], *([_text(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    for line in lines:
        click.echo("  ".join(map(str.ljust, line, widths)).rstrip())


def show_one(facts: Mapping[str, Any], *, output: str, whole: Any = None) -> None:
    """A line for each fact. As JSON it is `whole`, else the facts."""
    if output == "json":
        click.echo(json.dumps(facts if whole is None else whole, indent=2))
        return
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        click.echo(f"{name:<{width}}  {_text(value)}".rstrip())


def moment(epoch: float | None) -> str:
    """In UTC, to the second; empty where there is none."""
    return "" if epoch is None else datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def printable(text: str) -> str:
    """Without line ends and what a terminal obeys: whoever may describe a key could else hide a line of what
    is told of it before its deletion, or write one.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return printable(", ".join(map(str, value)))
    return printable(str(value))


def quota_rows(quotas: Sequence[Mapping[str, Any]], *, every: bool) -> list[dict[str, Any]]:
    """GetQuotas' answer; of the rates of requests, which are many, those that are in use now, or all."""
    return [
        {
            "quota": each["Quota"],
            "used": each["Used"],
            "limit": each["Limit"],
            "unit": "a second" if each["Kind"] == "REQUESTS_PER_SECOND" else "",
        }
        for each in quotas
        if every or each["Used"] or each["Kind"] != "REQUESTS_PER_SECOND"
    ]
