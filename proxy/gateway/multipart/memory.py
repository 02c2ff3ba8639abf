"""What one worker remembers of uploads in progress. It saves requests; nothing is lost where it knows none.

Bounded in uploads and in parts: the upload that was longest not asked for goes first, with all its parts.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.s3.upload_checksums import UploadChecksum
from proxy.seal.envelope import SealedEnvelope
from proxy.seal.records import UploadName

MOST_UPLOADS = 1_000
MOST_PARTS = 50_000
"""Over all uploads; one note takes some 500 bytes."""
VERSIONING_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUpload:
    """An upload whose record was opened."""

    name: UploadName
    tag: bytes
    envelope: SealedEnvelope
    index_key: bytes = field(repr=False)
    checksum: UploadChecksum | None

    @property
    def records_each_part(self) -> bool:
        """A CRC of the whole needs every part's, which no client has to send with its Complete."""
        return self.checksum is not None and not self.checksum.composite


@dataclass(frozen=True, slots=True, kw_only=True)
class PartNote:
    """One attempt at a part that the store took."""

    etag: str
    plain_length: int
    run_id: bytes
    checksums: Mapping[int, bytes]


@dataclass(slots=True)
class _Remembered:
    upload: OpenUpload
    parts: dict[int, PartNote] = field(default_factory=dict)


class UploadMemory:
    """One worker's. `find` and `remember` are for uploads, `note` and `part` for what was sent to them."""

    def __init__(self, *, uploads: int = MOST_UPLOADS, parts: int = MOST_PARTS) -> None:
        self._most_uploads = uploads
        self._most_parts = parts
        self._uploads: OrderedDict[UploadName, _Remembered] = OrderedDict()
        self._parts = 0
        self._unversioned: dict[str, float] = {}

    def find(self, name: UploadName) -> OpenUpload | None:
        found = self._uploads.get(name)
        if found is None:
            return None
        self._uploads.move_to_end(name)
        return found.upload

    def remember(self, upload: OpenUpload) -> None:
        self.forget(upload.name)
        self._uploads[upload.name] = _Remembered(upload)
        self._keep_bounds()

    def forget(self, name: UploadName) -> None:
        gone = self._uploads.pop(name, None)
        self._parts -= len(gone.parts) if gone else 0

    def note(self, name: UploadName, number: int, note: PartNote) -> None:
        found = self._uploads.get(name)
        if found is not None:
            self._parts += number not in found.parts
            found.parts[number] = note
            self._keep_bounds()

    def part(self, name: UploadName, number: int, etag: str) -> PartNote | None:
        """What is known of the attempt that the store calls `etag`."""
        found = self._uploads.get(name)
        note = found.parts.get(number) if found else None
        return note if note is not None and note.etag == etag else None

    def has_other_part_of(self, name: UploadName, number: int, plain_length: int) -> bool:
        """Whether another part of this length is at the store already, as far as this worker knows."""
        found = self._uploads.get(name)
        return found is not None and any(
            note.plain_length == plain_length for other, note in found.parts.items() if other != number
        )

    def is_unversioned(self, bucket: str, *, now: float) -> bool:
        """Whether it was so a moment ago."""
        return now - self._unversioned.get(bucket, float("-inf")) < VERSIONING_SECONDS

    def note_unversioned(self, bucket: str, *, now: float) -> None:
        if len(self._unversioned) >= MOST_UPLOADS:
            self._unversioned.clear()
        self._unversioned[bucket] = now

    def _keep_bounds(self) -> None:
        while len(self._uploads) > self._most_uploads or (
            self._parts > self._most_parts and len(self._uploads) > 1
        ):
            self.forget(next(iter(self._uploads)))
