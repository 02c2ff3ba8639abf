"""A root key that AWS KMS opens: 32 bytes that lie wrapped in a file, under a key that never leaves AWS.

`sealgate hsm init` has the file's contents made; each opening of the store asks AWS for one Decrypt, of this
file, by the named key alone, for this purpose alone (the encryption context). botocore's client is loaded
only then: an HSM with another root key does without. What AWS refuses is told in one line, with what to do.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proxy.hsm.core.material import KeyMaterial
from proxy.hsm.root import RootKeyError
from proxy.hsm.wrapped_file import REMEDY, check_absent, read_wrapped, write_wrapped

CONTEXT: Mapping[str, str] = {"sealgate:purpose": "hsm-root-key"}
"""AWS opens the file for whoever says this and for nobody else; key policies can ask for it."""
ATTEMPTS = 3

_CREDENTIALS = "check the AWS credentials, and this machine's clock"
_ENABLED = "enable the key, or cancel its deletion, at AWS"
REMEDIES: Mapping[str, str] = {
    "AccessDeniedException": "allow these credentials kms:Decrypt with this key, for `sealgate hsm init` also"
    " kms:GenerateDataKeyWithoutPlaintext, and check that key_id names the key that sealed_file is under",
    "DisabledException": _ENABLED,
    "KMSInvalidStateException": _ENABLED,
    "IncorrectKeyException": "name in key_id the key that sealed_file was made with",
    "InvalidCiphertextException": REMEDY,
    "ValidationException": REMEDY,
    "NotFoundException": "check key_id, region and endpoint_url",
    "InvalidKeyUsageException": "name a symmetric key for encryption in key_id",
    **dict.fromkeys(
        (
            *("UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException"),
            *("InvalidSignatureException", "SignatureDoesNotMatch", "MissingAuthenticationToken"),
        ),
        _CREDENTIALS,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKmsKey:
    """A RootSource. Without an access key: botocore's chain."""

    key_id: str
    sealed_file: Path
    region: str
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    connect_timeout_seconds: float = 3.0
    read_timeout_seconds: float = 5.0

    def root_key(self, salt: bytes, cost_log2: int) -> KeyMaterial:  # noqa: ARG002 -- the protocol's; a key needs no stretching
        """Waits for AWS, at most three times the timeouts."""
        wrapped = read_wrapped(self.sealed_file)
        with self._told():
            plain = _client(self).decrypt(
                KeyId=self.key_id, CiphertextBlob=wrapped, EncryptionContext=dict(CONTEXT)
            )["Plaintext"]
        try:
            return KeyMaterial(bytearray(plain))
        except ValueError:
            raise RootKeyError(f"{self}: what it opens is no root key: {REMEDY}") from None

    def make(self) -> None:
        """A new root key, wrapped, 0600 and on the disk before this returns.

        It comes here wrapped alone: the first opening then asks what every later one will ask. Raises
        RootKeyError, also where a file is there.
        """
        check_absent(self.sealed_file)
        with self._told():
            wrapped = _client(self).generate_data_key_without_plaintext(
                KeyId=self.key_id, KeySpec="AES_256", EncryptionContext=dict(CONTEXT)
            )["CiphertextBlob"]
        write_wrapped(self.sealed_file, wrapped)

    def __str__(self) -> str:
        return f"AWS KMS (key {self.key_id}, file {self.sealed_file})"

    @contextmanager
    def _told(self) -> Iterator[None]:
        """AWS's errors name keys and callers, and nothing secret; not chained, as what they carry may."""
        from botocore import exceptions as theirs  # noqa: PLC0415 -- see above

        try:
            yield
        except theirs.ClientError as exc:
            error = exc.response.get("Error", {})
            code, says = str(error.get("Code", "")), str(error.get("Message") or "it refuses")
            raise RootKeyError(
                f"{self}: {code}: {' '.join(says.split())}: {REMEDIES.get(code, 'try again')}"
            ) from None
        except (theirs.ConnectionError, theirs.HTTPClientError) as exc:
            says = f"{self.endpoint_url or self.region} does not answer ({type(exc).__name__})"
            raise RootKeyError(f"{self}: {says}: check region, endpoint_url and the network") from None
        except theirs.BotoCoreError as exc:
            says = " ".join(str(exc).split())
            raise RootKeyError(f"{self}: {says}: {_CREDENTIALS}") from None
        except KeyError:
            raise RootKeyError(f"{self}: what answers is no KMS: check region and endpoint_url") from None
        except ValueError as exc:  # botocore has stricter rules for hosts than URLs have
            raise RootKeyError(f"{self}: {exc}: check region and endpoint_url") from None


def _client(key: AwsKmsKey) -> Any:
    from botocore.config import Config  # noqa: PLC0415 -- see above
    from botocore.session import get_session  # noqa: PLC0415

    session = get_session()  # type: ignore[no-untyped-call]  # botocore is not annotated
    return session.create_client(
        "kms",
        region_name=key.region,
        endpoint_url=key.endpoint_url,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        config=Config(  # type: ignore[no-untyped-call]
            connect_timeout=key.connect_timeout_seconds,
            read_timeout=key.read_timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        ),
    )
