"""`sealgate serve`: the configuration is read and checked once, here; the supervisor does the rest."""

import asyncio
import logging
import os
from pathlib import Path

import click

from proxy.cli import logs
from proxy.cli.options import config_option, loaded
from proxy.cli.plan import SecretMissing, plan_of
from proxy.cli.renewal import Renewed
from proxy.config.check import warnings
from proxy.config.schema import Config
from proxy.supervisor import service
from proxy.supervisor.service import ServiceFailed
from proxy.supervisor.sockets import AddressRefused
from proxy.supervisor.start import StartRefused

log = logging.getLogger(__name__)


@click.command(epilog="Example: sealgate serve --config config.yaml")
@config_option
@click.option(
    "--log-level",
    type=click.Choice(logs.LEVELS),
    default="info",
    show_default=True,
    help="What standard error tells.",
)
def serve(config_path: Path, log_level: str) -> None:
    """Run the proxy until SIGTERM or Ctrl-C, which let requests in progress finish (limits.drain_seconds).

    SIGHUP and `sealgate reload` take up a changed configuration. Prints `ready` on standard error when it
    serves; standard output is left to audit events. A second Ctrl-C stops at once.
    """
    checked = loaded(config_path)
    logs.set_up("supervisor", log_level)
    for problem in warnings(checked):
        log.warning("%s", problem)
    try:
        if checked.fips == "required":
            _demand_fips(checked)
        plan = plan_of(checked, config_path, os.environ, log_level=log_level)
        reloading = Renewed(checked, config_path, os.environ).reloading(plan.control)
        asyncio.run(service.run(plan, on_ready=lambda: click.echo("ready", err=True), reloading=reloading))
    except (AddressRefused, SecretMissing, ServiceFailed, StartRefused) as exc:
        raise click.ClickException(str(exc)) from None


def _demand_fips(config: Config) -> None:
    """The children ask again. But where only the flag is set, what they import fails before they can ask."""
    from proxy.runtime.fips import demand_fips  # noqa: PLC0415 -- cryptography is not loaded here without need

    demand_fips(config)
