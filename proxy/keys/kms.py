"""KeyProvider in the words of AWS KMS: what is asked, and what must be true of the answer.

Whoever carries the words (aiobotocore, our own client) is a Transport. An answer is believed only where it
names the key that was asked for and brings 32 bytes. Knows nothing of sockets, signatures and retries.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from proxy.keys.provider import (
    Caller,
    DataKey,
    KeyContext,
    KeyDescription,
    KeyServiceError,
    KeyUnavailable,
    Standing,
    WrappedKeyDamaged,
)

KmsDocument = Mapping[str, Any]
"""A request or response as the KMS model has it: blobs are bytes."""

ANSWERED_IN: Final = "sealgate:region"
"""A transport's own word in an answer: the region that it comes from, if that is not the key ARN's."""
WOULD_SUCCEED: Final = "DryRunOperationException"
"""The error name that is a dry run's yes."""
_DATA_KEY_BYTES: Final = 32
_MAX_BLOB_BYTES: Final = 6144  # CiphertextType in the KMS model


class Transport(Protocol):
    """Carries one KMS call. Safe for concurrent use; raises a KeyServiceError."""

    async def call(self, action: str, request: KmsDocument, caller: Caller) -> KmsDocument:
        """The response of `action`. A cancelled call may have run in the KMS."""

    def standing(self, key_id: str, caller: Caller) -> Standing:
        """What the KMS is told of a caller who asks for this key."""

    async def aclose(self) -> None:
        """Give back every connection. Idempotent."""


class KmsKeys:
    """A KeyProvider over any Transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def generate(self, key_id: str, context: KeyContext, caller: Caller, *, fresh: bool) -> DataKey:
        """Always a new one: `fresh` is for caches."""
        del fresh
        answer = await self._transport.call("GenerateDataKey", _generating(key_id, context), caller)
        plain = _bytes(answer, "Plaintext")
        if len(plain) != _DATA_KEY_BYTES:
            raise _nonsense("GenerateDataKey brought a key of the wrong length")
        return DataKey(
            key_arn=_text(answer, "KeyId"),
            wrapped=_bytes(answer, "CiphertextBlob"),
            plain=plain,
            region=answer.get(ANSWERED_IN, ""),
        )

    async def unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> DataKey:
        """The KMS is told the key; its answer must name the same one.

        AWS: "specify the KeyId … to ensure that you use the KMS key that you intend" (Decrypt, KeyId).
        """
        _check_blob(wrapped)
        answer = await self._transport.call("Decrypt", _opening(key_arn, wrapped, context), caller)
        if _text(answer, "KeyId") != key_arn:
            raise WrappedKeyDamaged("the wrapped key is under another KMS key", code="IncorrectKeyException")
        plain = _bytes(answer, "Plaintext")
        if len(plain) != _DATA_KEY_BYTES:
            raise WrappedKeyDamaged("the wrapped key does not hold 32 bytes")
        return DataKey(key_arn=key_arn, wrapped=wrapped, plain=plain, region=answer.get(ANSWERED_IN, ""))

    async def re_encrypt(
        self,
        key_arn: str,
        wrapped: bytes,
        context: KeyContext,
        caller: Caller,
        *,
        to_key_id: str,
        to_context: KeyContext,
    ) -> tuple[str, bytes]:
        _check_blob(wrapped)
        asked = {
            "SourceKeyId": key_arn,
            "CiphertextBlob": wrapped,
            "SourceEncryptionContext": dict(context),
            "DestinationKeyId": to_key_id,
            "DestinationEncryptionContext": dict(to_context),
        }
        answer = await self._transport.call("ReEncrypt", asked, caller)
        if _text(answer, "SourceKeyId") != key_arn:
            raise WrappedKeyDamaged("the wrapped key is under another KMS key", code="IncorrectKeyException")
        return _text(answer, "KeyId"), _bytes(answer, "CiphertextBlob")

    async def may_generate(self, key_id: str, context: KeyContext, caller: Caller) -> None:
        await self._tried("GenerateDataKey", _generating(key_id, context), caller)

    async def may_unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> None:
        _check_blob(wrapped)
        await self._tried("Decrypt", _opening(key_arn, wrapped, context), caller)

    def standing(self, key_id: str, caller: Caller) -> Standing:
        return self._transport.standing(key_id, caller)

    async def describe(self, key_id: str, caller: Caller) -> KeyDescription:
        answer = await self._transport.call("DescribeKey", {"KeyId": key_id}, caller)
        metadata = answer.get("KeyMetadata")
        if not isinstance(metadata, Mapping):
            raise _nonsense("DescribeKey brought no KeyMetadata")
        return KeyDescription(
            key_arn=_text(metadata, "Arn"),
            state=_text(metadata, "KeyState"),
            manager=_text(metadata, "KeyManager"),
        )

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _tried(self, action: str, request: KmsDocument, caller: Caller) -> None:
        """A dry run; a service that does not know of them has done it, which is a yes as well."""
        try:
            await self._transport.call(action, {**request, "DryRun": True}, caller)
        except KeyServiceError as exc:
            if exc.code != WOULD_SUCCEED:
                raise


def _generating(key_id: str, context: KeyContext) -> KmsDocument:
    return {"KeyId": key_id, "KeySpec": "AES_256", "EncryptionContext": dict(context)}


def _opening(key_arn: str, wrapped: bytes, context: KeyContext) -> KmsDocument:
    return {"KeyId": key_arn, "CiphertextBlob": wrapped, "EncryptionContext": dict(context)}


def _check_blob(wrapped: bytes) -> None:
    """Ask no KMS about what none can have made: it would answer ValidationException, as for a bad key id."""
    if not 1 <= len(wrapped) <= _MAX_BLOB_BYTES:
        raise WrappedKeyDamaged(f"no KMS makes a wrapped key of {len(wrapped)} bytes")


def _text(answer: KmsDocument, member: str) -> str:
    value = answer.get(member)
    if not isinstance(value, str) or not value:
        raise _nonsense(f"the answer has no {member}")
    return value


def _bytes(answer: KmsDocument, member: str) -> bytes:
    value = answer.get(member)
    if not isinstance(value, bytes) or not value:
        raise _nonsense(f"the answer has no {member}")
    return value


def _nonsense(reason: str) -> KeyUnavailable:
    return KeyUnavailable(f"the KMS answered nonsense: {reason}", code="MalformedResponse")
