"""What cannot be opened: the right error, an event that says so, and nothing counted, written or let out."""

import base64
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy.hsm.engine import Engine
from tests.hsm.api.service import STRANGER, Service, made_engine, served
from tests.hsm.api.wire import Answer, call

PLAIN = b"what nobody may see"
CONTEXT = {"purpose": "tests"}
OTHER_KEY = "The key ID in the request does not identify a CMK that can perform this operation."
UNKNOWN = "The ciphertext refers to a customer master key that does not exist"
AWS_BLOB = base64.b64encode(b"\x01\x02\x02\x00\x78" + bytes(180)).decode()
A_WEEK = 7 * 86400.0


@dataclass
class Scene:
    """A service, its engine, and keys in every condition that a blob can meet."""

    service: Service
    engine: Engine
    keys: dict[str, str]
    blob: str
    doomed_blob: str
    pending_blob: str
    elsewhere: str
    """Sealed by the other account, under its own key."""

    async def ask(self, action: str, document: Any, **options: Any) -> Answer:
        return await call(self.service.url, action, document, **options)

    async def counted(self) -> Any:
        used = await call(self.service.url, "-", {}, headers={"x-amz-target": "Sealgate.GetUsage"})
        counts = {each["KeyArn"]: each["Counts"] for each in used.document["Usage"] if each["KeyArn"]}
        last = (await self.ask("GetKeyLastUsage", {"KeyId": self.keys["key"]})).document
        uses = {arn: found for arn, each in counts.items() if (found := _of_blobs(each))}
        return uses, last.get("KeyLastUsage")


def _of_blobs(counts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if name in {"Decrypt", "ReEncrypt"}}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    ahead = 0.0
    engine = made_engine(tmp_path, clock=lambda: time.time() + ahead)
    async with served(engine) as service:
        keys = {name: await _key(service) for name in ("key", "other", "doomed", "pending", "disabled")}
        keys["elsewhere"] = await _key(service, who=STRANGER)
        blob, doomed, pending = [await _sealed(service, keys[name]) for name in ("key", "doomed", "pending")]
        foreign = await _sealed(service, keys["elsewhere"], who=STRANGER)
        await call(service.url, "ScheduleKeyDeletion", {"KeyId": keys["doomed"], "PendingWindowInDays": 7})
        ahead = A_WEEK + 60
        assert [happened.key.arn for happened in engine.do_due()] == [keys["doomed"]]
        await call(service.url, "ScheduleKeyDeletion", {"KeyId": keys["pending"]})
        await call(service.url, "DisableKey", {"KeyId": keys["disabled"]})
        yield Scene(service, engine, keys, blob, doomed, pending, foreign)
    engine.close()


async def _key(service: Service, **options: Any) -> str:
    made = await call(service.url, "CreateKey", {}, **options)
    return str(made.document["KeyMetadata"]["Arn"])


async def _sealed(service: Service, key: str, **options: Any) -> str:
    plain = base64.b64encode(PLAIN).decode()
    asked = {"KeyId": key, "Plaintext": plain, "EncryptionContext": CONTEXT}
    return str((await call(service.url, "Encrypt", asked, **options)).document["CiphertextBlob"])


def _cut(blob: str, size: int) -> str:
    return base64.b64encode(base64.b64decode(blob)[:size]).decode()


def _rows(scene: Scene) -> dict[str, tuple[dict[str, Any], str, str, str]]:
    """What is asked of Decrypt, and the error: its name, how its text begins, and the key that it names."""
    key, whole = scene.keys["key"], {"CiphertextBlob": scene.blob, "EncryptionContext": CONTEXT}
    invalid, size = "InvalidCiphertextException", len(base64.b64decode(scene.blob))
    pending, doomed = scene.keys["pending"], scene.keys["doomed"]
    cut = {
        f"the first {kept} bytes": ({**whole, "CiphertextBlob": _cut(scene.blob, kept)}, invalid, "", named)
        for kept, named in ((1, ""), (45, ""), (46, ""), (62, ""), (63, key), (size - 1, key))
    }
    return cut | {
        "no context": ({"CiphertextBlob": scene.blob}, invalid, "", key),
        "another context": ({**whole, "EncryptionContext": {"purpose": "Tests"}}, invalid, "", key),
        "more context": ({**whole, "EncryptionContext": {**CONTEXT, "b": ""}}, invalid, "", key),
        "a blob of AWS's": ({**whole, "CiphertextBlob": AWS_BLOB}, invalid, "", ""),
        "another key": ({**whole, "KeyId": scene.keys["other"]}, "IncorrectKeyException", OTHER_KEY, "other"),
        "a foreign key's": (
            {**whole, "CiphertextBlob": scene.elsewhere},
            "AccessDeniedException",
            UNKNOWN,
            "?",
        ),
        "a destroyed key's": (
            {**whole, "CiphertextBlob": scene.doomed_blob},
            "AccessDeniedException",
            UNKNOWN,
            "",
        ),
        "a destroyed key": (
            {**whole, "CiphertextBlob": scene.doomed_blob, "KeyId": doomed},
            "NotFoundException",
            f"Key '{doomed}' does not exist",
            "",
        ),
        "a key pending deletion": (
            {**whole, "CiphertextBlob": scene.pending_blob},
            "KMSInvalidStateException",
            f"{pending} is pending deletion.",
            pending,
        ),
    }


async def test_what_cannot_be_opened_is_refused_and_recorded_and_changes_nothing(scene: Scene) -> None:
    before, generation = await scene.counted(), scene.engine._desk.ring._store.generation
    for what, (document, code, message, named) in _rows(scene).items():
        answer = await scene.ask("Decrypt", document)
        event = scene.service.recorded.last

        told = answer.document.get("message", "")
        assert (answer.status, answer.code) == (400, code), what
        assert told.startswith(message) if message else not told, what
        assert answer.document.keys() <= {"__type", "message"}, what
        assert (event.event_name, event.error_code, event.error_message) == ("Decrypt", code, told), what
        if named != "?":
            expected = scene.keys.get(named, named)
            assert [each.arn for each in event.resources] == [expected] * bool(expected), what

    assert await scene.counted() == before
    assert scene.engine._desk.ring._store.generation == generation


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("disabled", "DisabledException"),
        ("pending", "KMSInvalidStateException"),
        ("elsewhere", "AccessDenied"),
    ],
)
async def test_a_blob_that_cannot_be_sealed_anew_stays_as_it_was(
    scene: Scene, target: str, code: str
) -> None:
    """It is opened by then: nothing of that leaves, and the old blob still opens."""
    before = await scene.counted()
    moved = await scene.ask(
        "ReEncrypt",
        {
            "CiphertextBlob": scene.blob,
            "SourceEncryptionContext": CONTEXT,
            "DestinationKeyId": scene.keys[target],
        },
    )
    event = scene.service.recorded.last

    assert (moved.status, moved.code.startswith(code)) == (400, True)
    assert moved.document.keys() <= {"__type", "message"}
    assert (event.event_name, event.error_code) == ("ReEncrypt", moved.code)
    assert await scene.counted() == before
    opened = await scene.ask("Decrypt", {"CiphertextBlob": scene.blob, "EncryptionContext": CONTEXT})
    assert base64.b64decode(opened.document["Plaintext"]) == PLAIN
