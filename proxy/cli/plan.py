"""From a checked configuration to the processes of a service: who starts when, with which sockets and
secrets.

A secret goes to the process that works with it: the root key's variable, its credentials at AWS or its
token's PIN to the HSM, credentials for stores and for AWS to the workers. What a process must not hold is
blanked in the configuration that it is told.
"""

import logging
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from proxy.cli.cores import usable_cores
from proxy.config.dump import dump_with_secrets
from proxy.config.schema import AwsBackend, Config, Hsm
from proxy.config.terms import Secret
from proxy.supervisor.environment import clean
from proxy.supervisor.orders import Renewal
from proxy.supervisor.plan import Place, Plan
from proxy.supervisor.sockets import bind_tcp, bind_unix

log = logging.getLogger(__name__)

HSM_DRAIN_SECONDS = 5.0
CONTROL = "control.sock"
"""In the run directory: where `sealgate reload` asks."""
BLANK = Secret("not told to this process")


class SecretMissing(Exception):
    """The environment lacks what the configuration names; the text is one line that says so."""


def plan_of(config: Config, config_path: Path, environ: Mapping[str, str], *, log_level: str) -> Plan:
    """Binds every address. Raises SecretMissing or AddressRefused; then nothing is left open."""
    root_key = root_key_variables(config.hsm, environ) if config.hsm else {}
    hsm_socket = config_path.absolute().parent / config.hsm.socket if config.hsm else None
    opened: list[socket.socket] = []
    try:
        hsm = _hsm(config, hsm_socket, root_key, environ, opened) if hsm_socket else ()
        workers = _workers(config, environ, opened)
        admin = _tcp("admin", config.admin.address, config.admin.port, opened)
        run = run_directory(config, config_path)
        control = bind_unix("run_directory", run / CONTROL)
        opened.append(control)
        hsm, workers = _asked(hsm, run, opened), _asked(workers, run, opened)
    except BaseException:
        for each in opened:
            each.close()
        raise
    observer = _observer(admin, run, (*hsm, *workers), environ)
    return Plan(
        # The observer tells that the service starts or drains: it is there before the workers and after them.
        stages=((*hsm, observer), workers),
        config_path=str(config_path),
        hsm_socket=str(hsm_socket) if hsm_socket else None,
        log_level=log_level,
        control=control,
    )


def run_directory(config: Config, config_path: Path) -> Path:
    """Where the sockets between the service's processes are."""
    if config.run_directory:
        return Path(config.run_directory)
    beside = config_path.absolute().parent
    return (beside / config.hsm.socket).parent if config.hsm else beside / "run"


def root_key_variables(hsm: Hsm, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment variable that the root key comes from, if it comes from one. Raises SecretMissing."""
    found = {}
    for name, variable in (("env", hsm.root_key.env), ("passphrase_env", hsm.root_key.passphrase_env)):
        if variable is not None and not environ.get(variable):
            raise SecretMissing(
                f"hsm.root_key.{name}: the environment has no {variable}: set it before the start"
            )
        if variable is not None:
            found[variable] = environ[variable]
    return found


def _hsm(
    config: Config,
    path: Path,
    root_key: Mapping[str, str],
    environ: Mapping[str, str],
    opened: list[socket.socket],
) -> tuple[Place, ...]:
    sockets = {"hsm": bind_unix("hsm.socket", path)}
    opened.append(sockets["hsm"])
    if config.hsm and (listen := config.hsm.listen):
        sockets["hsm_tcp"] = _tcp("hsm.listen", listen.address, listen.port, opened)
    return (
        Place(
            role="hsm",
            environment=clean(
                environ, aws_chain=root_key_uses_aws_chain(config), named=token_variables(config, environ)
            ),
            config_text=renewals_of(config)["hsm"].config_text,
            secrets=root_key,
            sockets=sockets,
            with_proxy_credential=True,
            drain_seconds=HSM_DRAIN_SECONDS,
        ),
    )


def _workers(config: Config, environ: Mapping[str, str], opened: list[socket.socket]) -> tuple[Place, ...]:
    """One place for each, with a socket of its own where the system spreads connections over several."""
    listen, count = config.listen, config.workers or usable_cores()
    listeners = bind_tcp("listen", listen.address, listen.port, count=count)
    opened += listeners
    _say_where("listen", listeners[0])
    renewal = renewals_of(config)["worker"]
    return tuple(
        Place(
            role="worker",
            number=number,
            environment=clean(environ, aws_chain=uses_aws_chain(config)),
            config_text=renewal.config_text,
            sockets={"listen": listener},
            with_proxy_credential=config.hsm is not None,
            drain_seconds=renewal.drain_seconds,
        )
        for number, listener in enumerate(listeners)
    )


def _asked(places: tuple[Place, ...], run: Path, opened: list[socket.socket]) -> tuple[Place, ...]:
    """The places with the sockets at which the observer asks each."""
    asked = []
    for place in places:
        opened.append(bind_unix("run_directory", _status_path(run, place)))
        asked.append(replace(place, sockets={**place.sockets, "status": opened[-1]}))
    return tuple(asked)


def _observer(admin: socket.socket, run: Path, asked: tuple[Place, ...], environ: Mapping[str, str]) -> Place:
    ledger = run / "counts.json"
    ledger.unlink(missing_ok=True)  # an earlier service's
    return Place(
        role="observer",
        environment=clean(environ),
        config_text="",  # it needs none, and so holds no secret
        sockets={"admin": admin},
        peers={place.name: str(_status_path(run, place)) for place in asked},
        ledger=str(ledger),
    )


def _status_path(run: Path, place: Place) -> Path:
    return run / f"{place.name}.sock"


def renewals_of(config: Config) -> dict[str, Renewal]:
    """What of the configuration each role is told, at its start and when it is reloaded."""
    told = {
        "worker": without_root_key_secret(config),
        **({"hsm": without_store_secrets(config)} if config.hsm else {}),
    }
    drain = {"worker": config.limits.drain_seconds}
    return {
        role: Renewal(config_text=dump_with_secrets(each), drain_seconds=drain.get(role, HSM_DRAIN_SECONDS))
        for role, each in told.items()
    }


def without_store_secrets(config: Config) -> Config:
    """The configuration as the HSM is told it."""
    upstreams = tuple(replace(upstream, secret_access_key=BLANK) for upstream in config.upstreams)
    backends = tuple(
        replace(backend, secret_access_key=BLANK) if backend.secret_access_key else backend
        for backend in config.kms.backends
    )
    identities = tuple(
        replace(who, upstreams=(), assume_role=None, aws_credentials=None) for who in config.identities
    )
    return replace(
        config, upstreams=upstreams, identities=identities, kms=replace(config.kms, backends=backends)
    )


def without_root_key_secret(config: Config) -> Config:
    """The configuration as workers are told it: none could open the root key."""
    if config.hsm is None:
        return config
    root_key = config.hsm.root_key
    if root_key.aws_kms and root_key.aws_kms.secret_access_key:
        root_key = replace(root_key, aws_kms=replace(root_key.aws_kms, secret_access_key=BLANK))
    if root_key.pkcs11:
        root_key = replace(root_key, pkcs11=replace(root_key.pkcs11, pin=BLANK))
    return replace(config, hsm=replace(config.hsm, root_key=root_key))


def root_key_uses_aws_chain(config: Config) -> bool:
    """Whether the HSM looks for AWS credentials where botocore does."""
    at_aws = config.hsm.root_key.aws_kms if config.hsm else None
    return at_aws is not None and at_aws.access_key_id is None


def token_variables(config: Config, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that the root key's PKCS#11 module reads. Raises SecretMissing."""
    token = config.hsm.root_key.pkcs11 if config.hsm else None
    names = token.environment if token else ()
    for name in names:
        if name not in environ:
            raise SecretMissing(
                f"hsm.root_key.pkcs11.environment: the environment has no {name}: set it before the start"
            )
    return names


def uses_aws_chain(config: Config) -> bool:
    """Whether workers look for AWS credentials where botocore does, their environment among it."""
    return any(isinstance(b, AwsBackend) and b.access_key_id is None for b in config.kms.backends)


def _tcp(field: str, address: str, port: int, opened: list[socket.socket]) -> socket.socket:
    (bound,) = bind_tcp(field, address, port)
    opened.append(bound)
    _say_where(field, bound)
    return bound


def _say_where(field: str, bound: socket.socket) -> None:
    log.info("%s: listening on %s port %d", field, *bound.getsockname()[:2])
