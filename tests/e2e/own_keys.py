"""A client's own key (SSE-C), as boto3 takes it and as it goes over the wire."""

import base64
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

NAME = "x-amz-server-side-encryption-customer"


@dataclass(frozen=True, slots=True)
class OwnKey:
    plain: bytes = field(repr=False)

    @property
    def md5(self) -> str:
        """What answers say of it."""
        return base64.b64encode(md5(self.plain, usedforsecurity=False).digest()).decode()

    @property
    def in_base64(self) -> str:
        return base64.b64encode(self.plain).decode()

    @property
    def wish(self) -> dict[str, Any]:
        """Arguments of boto3, which adds the MD5 itself."""
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": self.plain}

    @property
    def spelled(self) -> dict[str, Any]:
        """The same for operations where boto3 adds nothing."""
        return self.wish | {"SSECustomerKey": self.in_base64, "SSECustomerKeyMD5": self.md5}

    @property
    def of_source(self) -> dict[str, Any]:
        return {f"CopySource{name}": value for name, value in self.wish.items()}

    @property
    def headers(self) -> dict[str, str]:
        return {f"{NAME}-algorithm": "AES256", f"{NAME}-key": self.in_base64, f"{NAME}-key-md5": self.md5}

    @property
    def encodings(self) -> set[bytes]:
        """How it could lie somewhere; the MD5 too, which is nobody's to keep either."""
        coded = self.in_base64.encode()
        hexed = self.plain.hex().encode()
        return {self.plain, hexed, hexed.upper(), coded, coded.rstrip(b"="), self.md5.encode()}


OWN = OwnKey(bytes(range(200, 232)))
OTHER = OwnKey(bytes(range(100, 132)))


def told(answer: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """The customer's algorithm and MD5, and the algorithm of the service's own ways."""
    names = ("SSECustomerAlgorithm", "SSECustomerKeyMD5", "ServerSideEncryption")
    return tuple(answer.get(name) for name in names)  # type: ignore[return-value]  # of three
