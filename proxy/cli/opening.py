"""`sealgate open`: a sealed object's plaintext from its bytes and its header, with no proxy and no store.

The work is `recovery/`'s, which knows docs/FORMAT.md alone. Bytes are written only when they are verified,
and a file gets its name only when all of them are.
"""

import base64
import os
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from proxy.cli.datakeys import KeySourceRefused, Unwrap, from_api, from_store
from proxy.cli.options import config_option, loaded
from proxy.cli.whole_file import whole_file
from proxy.runtime.kms import OWN_KEYS, claim_of
from proxy.runtime.root_key import root_key_source
from proxy.runtime.rules import rules_of
from recovery.envelope import Envelope, read_header
from recovery.errors import RecoveryError
from recovery.open import open_object

CLIENT_KEY_BYTES = 32


class _Refused(click.ClickException):
    """One line, exit code 1."""


@click.command(
    name="open",
    epilog='Example: sealgate open body.bin --metadata "$HEADER" --bucket photos --key cat.jpg -o cat.jpg',
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--metadata", required=True, metavar="VALUE", help="The object's x-amz-meta-sealgate.")
@click.option("--bucket", required=True, help="Where the object was.")
@click.option("--key", required=True, help="Its name there, not percent-encoded.")
@click.option("--former-bucket", multiple=True, metavar="NAME", help="Another name that the bucket had.")
@click.option("--output", "-o", metavar="FILE", type=click.Path(path_type=Path), help="[default: stdout]")
@click.option("--client-key-file", metavar="FILE", type=click.Path(path_type=Path), help="The key of SSE-C.")
@click.option(
    "--kms-endpoint", metavar="URL", help="A running KMS; AWS credentials as AWS's tools find them."
)
@config_option
def open_command(
    *,
    file: Path,
    metadata: str,
    bucket: str,
    key: str,
    former_bucket: tuple[str, ...],
    output: Path | None,
    client_key_file: Path | None,
    kms_endpoint: str | None,
    config_path: Path,
) -> None:
    """Open a sealed object that was copied off the store as FILE.

    Data keys come from the KMS at --kms-endpoint, or else from the built-in key service's store and root key,
    as the configuration names them; the service must be stopped then. Objects under the service's own key
    (SSE-S3) are opened that way alone. An object of SSE-C needs neither.
    """
    name = key.encode("utf-8", "surrogateescape")
    try:
        envelope = read_header(metadata.strip())
        client_key = _client_key(client_key_file) if client_key_file else None
        with (
            file.open("rb") as body,
            _source(envelope, bucket, key, kms_endpoint, config_path) as (unwrap, accepted),
        ):
            opened = open_object(
                body,
                metadata.strip(),
                bucket=bucket,
                key=name,
                unwrap=unwrap,
                client_key=client_key,
                former_buckets={*former_bucket, *accepted},
            )
            _write(opened.plaintext(), output)
    except (RecoveryError, KeySourceRefused) as exc:
        raise _Refused(str(exc)) from None
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise _Refused(f"{exc.filename or output or file}: {exc.strerror}") from None
    under = ", ".join(_key_arns(envelope)) or "the client's key"
    click.echo(f"opened {opened.plain_size} bytes, every one verified, under {under}", err=True)


@contextmanager
def _source(
    envelope: Envelope, bucket: str, key: str, kms_endpoint: str | None, config_path: Path
) -> Iterator[tuple[Unwrap | None, Collection[str]]]:
    """What opens data keys, and further names of the bucket. Asks for no more than the envelope needs."""
    if not _key_arns(envelope):
        yield None, ()
    elif kms_endpoint is not None:
        yield from_api(kms_endpoint), ()
    else:
        config = loaded(config_path)
        if config.hsm is None:
            raise KeySourceRefused(f"{config_path}: has no built-in key service: give --kms-endpoint")
        rule = rules_of(config, OWN_KEYS).for_name(bucket, key)
        own = claim_of(OWN_KEYS)
        for arn in _key_arns(envelope):
            # A second layer is under the service's own key, which no rule has to name.
            if not rule.accepts_key(arn) and not (_is_outer(envelope, arn) and own(arn)):
                raise KeySourceRefused(
                    f"{arn}: the header names this key, but {config_path} accepts it for no object of this"
                    " name: see `sealgate config explain`"
                )
        with from_store(config, config.hsm, root_key_source(config.hsm.root_key, os.environ)) as unwrap:
            yield unwrap, rule.accept_names


def _key_arns(envelope: Envelope) -> list[str]:
    layers = [envelope.inner, *([envelope.outer] if envelope.outer else [])]
    return [layer.data_key.key_arn for layer in layers if layer.data_key is not None]


def _is_outer(envelope: Envelope, key_arn: str) -> bool:
    layer = envelope.outer
    return layer is not None and layer.data_key is not None and layer.data_key.key_arn == key_arn


def _client_key(path: Path) -> bytes:
    """32 bytes, as they are or in base64, which is how clients send them."""
    data = path.read_bytes()
    if len(data) == CLIENT_KEY_BYTES:
        return data
    with suppress(ValueError):  # binascii.Error is one
        decoded = base64.b64decode(data.strip(), validate=True)
        if len(decoded) == CLIENT_KEY_BYTES:
            return decoded
    raise _Refused(
        f"{path}: holds no key: write its {CLIENT_KEY_BYTES} bytes there, as they are or in base64"
    )


def _write(pieces: Iterable[bytes], output: Path | None) -> None:
    if output is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    if os.path.lexists(output):
        raise _Refused(f"{output}: exists: choose another --output")
    with whole_file(output) as file:
        for piece in pieces:
            file.write(piece)
