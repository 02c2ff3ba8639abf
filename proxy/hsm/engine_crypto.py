"""The actions that use a key: they change nothing, and wait for nothing.

Each asks in one order: is the request well formed, which key, may the caller, is it in a state to; then,
for a dry run, stop. Nothing that a key opened leaves before all of it is proven.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.hsm.core import blob as blobs
from proxy.hsm.core.box import NONCE_SIZE
from proxy.hsm.core.context import context_bytes
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.model import SYMMETRIC, Key, KeyVersion
from proxy.hsm.core.states import check_state
from proxy.hsm.engine_desk import Call, Desk, check_dry_run

Response = dict[str, Any]

KEY_SPEC_BYTES = {"AES_256": 32, "AES_128": 16}
DATA_KEY_LIMIT = 1024
"""Bytes: AWS's NumberOfBytesType."""
_UNKNOWN_KEY = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
    "or you are not allowed to access."
)
_OTHER_KEY = "The key ID in the request does not identify a CMK that can perform this operation."


@dataclass(frozen=True, slots=True)
class CryptoActions:
    desk: Desk

    def generate_data_key(self, call: Call) -> Response:
        plain, response = self._data_key(call)
        return {**response, "Plaintext": plain}

    def generate_data_key_without_plaintext(self, call: Call) -> Response:
        return self._data_key(call)[1]

    def generate_random(self, call: Call) -> Response:
        asked = call.request
        _check_request(asked)
        if asked.get("CustomKeyStoreId") is not None:
            raise KmsError("CustomKeyStoreNotFoundException")
        size = _required(asked.get("NumberOfBytes"), "NumberOfBytes")
        if not 1 <= size <= DATA_KEY_LIMIT:
            raise KmsError("ValidationException", f"NumberOfBytes must be between 1 and {DATA_KEY_LIMIT}")
        return {"Plaintext": self.desk.random(size)}

    def encrypt(self, call: Call) -> Response:
        asked = call.request
        _check_request(asked, algorithms=("EncryptionAlgorithm",))
        plain, context = asked["Plaintext"], context_bytes(asked.get("EncryptionContext"))
        _check_plaintext(plain)
        key = self.desk.usable_key(call, asked["KeyId"])
        check_dry_run(asked)
        _, blob = self._sealed(key, plain, context)
        return {"CiphertextBlob": blob, "KeyId": key.arn, "EncryptionAlgorithm": SYMMETRIC}

    def decrypt(self, call: Call) -> Response:
        asked = call.request
        _check_request(asked, algorithms=("EncryptionAlgorithm",))
        context = context_bytes(asked.get("EncryptionContext"))
        opened = self._opened(call, asked.get("KeyId"), context, action="Decrypt")
        check_dry_run(asked)
        key, version, plain = opened
        return {
            "KeyId": key.arn,
            "Plaintext": plain,
            "EncryptionAlgorithm": SYMMETRIC,
            "KeyMaterialId": version.material_id,
        }

    def re_encrypt(self, call: Call) -> Response:
        asked = call.request
        _check_request(asked, algorithms=("SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm"))
        old_context = context_bytes(asked.get("SourceEncryptionContext"))
        new_context = context_bytes(asked.get("DestinationEncryptionContext"))
        call.same_key = self._stays(call)
        source, old_version, plain = self._opened(
            call, asked.get("SourceKeyId"), old_context, action="ReEncryptFrom"
        )
        call.source_key = source
        key = self.desk.usable_key(call, asked["DestinationKeyId"], action="ReEncryptTo")
        check_dry_run(asked)
        version, blob = self._sealed(key, plain, new_context)
        return {
            "CiphertextBlob": blob,
            "SourceKeyId": source.arn,
            "KeyId": key.arn,
            "SourceEncryptionAlgorithm": SYMMETRIC,
            "DestinationEncryptionAlgorithm": SYMMETRIC,
            "SourceKeyMaterialId": old_version.material_id,
            "DestinationKeyMaterialId": version.material_id,
        }

    def _data_key(self, call: Call) -> tuple[bytes, Response]:
        asked = call.request
        _check_request(asked)
        size, context = _data_key_size(asked), context_bytes(asked.get("EncryptionContext"))
        key = self.desk.usable_key(call, asked["KeyId"])
        check_dry_run(asked)
        plain = self.desk.random(size)
        version, blob = self._sealed(key, plain, context)
        return plain, {"CiphertextBlob": blob, "KeyId": key.arn, "KeyMaterialId": version.material_id}

    def _sealed(self, key: Key, plain: bytes, context: bytes) -> tuple[KeyVersion, bytes]:
        version, nonce = self.desk.current_version(key), self.desk.random(NONCE_SIZE)
        blob = blobs.seal_blob(
            key.key_id, version.number, version.material, nonce=nonce, plain=plain, context=context
        )
        return version, blob

    def _opened(
        self, call: Call, key_id: str | None, context: bytes, *, action: str
    ) -> tuple[Key, KeyVersion, bytes]:
        """The key that the blob names, checked against the one that the caller expects, and what the blob
        holds.
        """
        asked = call.request
        if _ignores_ciphertext(asked):
            key = self.desk.usable_key(call, _required(key_id, "KeyId"), action=action)
            return key, self.desk.current_version(key), b""
        blob = blobs.parse_blob(_required(asked.get("CiphertextBlob"), "CiphertextBlob"))
        if key_id is None:
            key = self._named_in(call, blob, action)
        else:
            key = self.desk.allowed_key(call, key_id, action=action)
        if key.key_id != blob.key_id:
            raise KmsError("IncorrectKeyException", _OTHER_KEY)
        check_state(call.action, key.state, key.arn)
        version = self.desk.ring.version(blob.key_id, blob.version)
        if version is None:
            raise KmsError("InvalidCiphertextException")
        return key, version, blobs.open_blob(blob, version.material, context)

    def _named_in(self, call: Call, blob: blobs.Blob, action: str) -> Key:
        """Without a KeyId the blob says which; a key that is not the caller's and one that is not there
        look alike.
        """
        call.key = key = self.desk.maybe_key(call.principal.region, blob.key_id)
        if key is None:
            raise KmsError("AccessDeniedException", _UNKNOWN_KEY)
        try:
            self.desk.check_access(call, key, named="", action=action)
        except KmsError as exc:
            if key.account == call.principal.client_account:
                raise
            raise KmsError("AccessDeniedException", _UNKNOWN_KEY) from exc
        return key

    def _stays(self, call: Call) -> bool:
        """Whether a ReEncrypt opens and seals under one key, as policies may want to know. Nobody's right to
        either was asked yet, so nothing is told of a key that is not there.
        """
        asked = call.request
        try:
            target = self.desk.named_key(call, asked["DestinationKeyId"])
            if _ignores_ciphertext(asked):
                return self.desk.named_key(call, asked.get("SourceKeyId") or "") == target
            blob = blobs.parse_blob(asked.get("CiphertextBlob") or b"")
        except KmsError:
            return False
        return blob.key_id == target.key_id


def _check_request(asked: Mapping[str, Any], algorithms: tuple[str, ...] = ()) -> None:
    """What AWS has and this service has not, by name."""
    if asked.get("Recipient") is not None:
        raise KmsError("UnsupportedOperationException", "Recipient is not provided by this service")
    for member in algorithms:
        algorithm = asked.get(member) or SYMMETRIC
        if algorithm != SYMMETRIC:
            says = f"Algorithm {algorithm} is incompatible with key spec {SYMMETRIC}."
            raise KmsError("InvalidKeyUsageException", says)


def _check_plaintext(plain: bytes) -> None:
    if not 1 <= len(plain) <= blobs.PLAINTEXT_LIMIT:
        bound = (
            "greater than or equal to 1" if not plain else f"less than or equal to {blobs.PLAINTEXT_LIMIT}"
        )
        says = f"Value at 'plaintext' failed to satisfy constraint: Member must have length {bound}"
        raise KmsError("ValidationException", f"1 validation error detected: {says}")


def _data_key_size(asked: Mapping[str, Any]) -> int:
    spec, size = asked.get("KeySpec"), asked.get("NumberOfBytes")
    if (spec is None) == (size is None):
        raise KmsError("ValidationException", "Please specify either number of bytes or key spec.")
    if size is None:
        if spec not in KEY_SPEC_BYTES:
            raise KmsError("ValidationException", f"KeySpec must be one of {', '.join(KEY_SPEC_BYTES)}")
        return KEY_SPEC_BYTES[spec]
    if not 1 <= size <= DATA_KEY_LIMIT:
        raise KmsError("ValidationException", f"NumberOfBytes must be between 1 and {DATA_KEY_LIMIT}")
    return int(size)


def _ignores_ciphertext(asked: Mapping[str, Any]) -> bool:
    return bool(asked.get("DryRun")) and "IGNORE_CIPHERTEXT" in (asked.get("DryRunModifiers") or ())


def _required(value: Any, member: str) -> Any:
    if value is None:
        raise KmsError("ValidationException", f"{member} is required.")
    return value
