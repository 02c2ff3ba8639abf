"""What a Complete comes to: the client's list held against the store's, and the end that the object gets.

Decides without waiting. Fed both lists and what the records say; never asks, never sends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest

from proxy.gateway.multipart.memory import PartNote
from proxy.s3.errors import S3Error
from proxy.s3.multipart import MOST_PARTS, CompletedPart, StorePart
from proxy.s3.upload_checksums import UploadChecksum, WholeClaims, other_kind
from proxy.seal.errors import DamagedRecord, NotSealed
from proxy.seal.geometry import SMALLEST_PART, run_plain_size, run_size
from proxy.seal.index import Index, Part, PartChecksums
from proxy.upstream.capabilities import Capabilities

Notes = Mapping[int, PartNote]
"""By part number: what a record or this worker's memory says of the attempt that the client names."""
StoreParts = Mapping[tuple[int, str], StorePart]
"""By number and ETag: SeaweedFS lists every attempt at a part, and takes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How the object ends on the store."""

    listed: tuple[tuple[int, str], ...]
    """The client's parts that stay in the store's list."""
    keeps_last: bool
    """The client's last part goes up once more, from where it was kept, with the tail behind it."""
    cut: int | None
    """The store's parts are of this size, but for the last; None where any size will do."""

    def numbers(self, pieces: int, *, last: int, capabilities: Capabilities) -> range:
        """Under which numbers the pieces of the end go up. Raises S3Error where none are left."""
        if capabilities.consecutive_parts:
            first = last if self.keeps_last else last + 1
        else:
            first = MOST_PARTS + 1 - pieces
        before = self.listed[-1][0] if self.listed else 0
        if first <= before or first + pieces - 1 > MOST_PARTS:
            raise S3Error("InvalidRequest", "This store has no part number left for the object's end.")
        return range(first, first + pieces)


def named_by_record(wished: Sequence[CompletedPart], capabilities: Capabilities) -> bool:
    """Whether an earlier Complete may have put the object's end under the number of the last part."""
    return wished[-1].number == MOST_PARTS or capabilities.consecutive_parts


def plain_parts(
    wished: Sequence[CompletedPart], at_store: StoreParts, last: PartNote | None
) -> tuple[Part, ...]:
    """The client's parts with their lengths; `last` is given where the last one is known by its record alone.

    Raises S3Error InvalidPart and EntityTooSmall, DamagedRecord where the store's part is no run.
    """
    parts = tuple(
        Part(
            number=part.number, plain_length=_plain_length(part, at_store.get((part.number, part.etag)), note)
        )
        for part, note in zip(wished, (*(None,) * (len(wished) - 1), last), strict=True)
    )
    for part in parts[:-1]:
        if part.plain_length < SMALLEST_PART:
            raise S3Error(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                ProposedSize=str(part.plain_length),
                MinSizeAllowed=str(SMALLEST_PART),
                PartNumber=str(part.number),
            )
    return parts


def end_of(wished: Sequence[CompletedPart], parts: Sequence[Part], capabilities: Capabilities) -> End:
    """Whether the tail can be a part of its own, or has to follow the last part's bytes."""
    last = parts[-1]
    common = run_size(parts[0].plain_length) if capabilities.equal_parts and len(parts) > 1 else None
    keeps_last = (
        last.plain_length < SMALLEST_PART
        or last.number == MOST_PARTS
        or (common is not None and run_size(last.plain_length) != common)
    )
    listed = wished[:-1] if keeps_last else wished
    return End(listed=tuple((part.number, part.etag) for part in listed), keeps_last=keeps_last, cut=common)


def check_size(claims: WholeClaims, parts: Sequence[Part]) -> None:
    total = sum(part.plain_length for part in parts)
    if claims.size not in {None, total}:
        raise S3Error(
            "InvalidRequest",
            "The provided 'x-amz-mp-object-size' header value does not match what was computed: "
            f"{claims.size} != {total}",
        )


def index_of(
    checksum: UploadChecksum | None,
    wished: Sequence[CompletedPart],
    parts: Sequence[Part],
    notes: Notes,
    claims: WholeClaims,
) -> Index:
    """The object's index, once everything that the client claims of parts and whole is right.

    Raises S3Error; DamagedRecord where a record and the store's part are not of one length.
    """
    for part in parts:
        note = notes.get(part.number)
        if note is not None and note.plain_length != part.plain_length:
            raise DamagedRecord(f"part {part.number} is not as long as it was")
    of_parts = [_of_part(checksum, part, notes.get(part.number)) for part in wished]
    known = [digest for digest in of_parts if digest is not None]
    if checksum is None or len(known) < len(of_parts):
        whole = None
    else:
        lengths = [part.plain_length for part in parts]
        whole = checksum.of_whole(list(zip(known, lengths, strict=True)))
    _check_claims(checksum, whole, claims, parts=len(parts))
    runs = tuple(notes[part.number].run_id if part.number in notes else None for part in parts)
    return Index(
        parts=tuple(parts),
        run_ids=runs if any(runs) else (),
        checksums={checksum.format_code: whole} if checksum and whole else {},
        part_checksums=PartChecksums(code=checksum.code, values=tuple(known)) if checksum and whole else None,
    )


def _plain_length(part: CompletedPart, at_store: StorePart | None, note: PartNote | None) -> int:
    if at_store is None:
        if note is None:
            raise S3Error("InvalidPart")
        return note.plain_length
    try:
        return run_plain_size(at_store.size)
    except NotSealed:
        raise DamagedRecord(f"part {part.number} at the store is not sealed") from None


def _of_part(checksum: UploadChecksum | None, part: CompletedPart, note: PartNote | None) -> bytes | None:
    """The part's checksum of the upload's kind: what was verified, else what the client says of a composite.

    Every checksum that the client lists must be the one that was verified, where that is known.
    """
    for code, listed in part.checksums.items():
        verified = note.checksums.get(code) if note else None
        if verified is not None and not compare_digest(verified, listed):
            raise S3Error("InvalidPart")
    if checksum is None:
        return None
    if note is not None and checksum.code in note.checksums:
        return note.checksums[checksum.code]
    return part.checksums.get(checksum.code) if checksum.composite else None


def _check_claims(
    checksum: UploadChecksum | None, whole: bytes | None, claims: WholeClaims, *, parts: int
) -> None:
    if claims.type is not None and (checksum is None or claims.type != checksum.type):
        raise other_kind(checksum, claims.type)
    for code, value in claims.checksums.items():
        if checksum is None or code != checksum.code or whole is None:
            raise S3Error(
                "InvalidRequest",
                "A checksum of the whole object needs an upload that was created with its algorithm, and the"
                " checksum of each part.",
            )
        told = checksum.told(whole, parts=parts)
        # Some SDKs leave the number of parts out.
        if value.strip() not in {told, told.partition("-")[0]}:
            raise S3Error(
                "BadDigest",
                f"The {checksum.algorithm.name} you specified did not match the calculated checksum.",
            )
