"""What a worker remembers of uploads is bounded, and about the attempt that it is asked for."""

from typing import cast

from proxy.gateway.multipart.memory import OpenUpload, PartNote, UploadMemory
from proxy.seal.envelope import SealedEnvelope
from proxy.seal.records import UploadName


def name(n: int) -> UploadName:
    return UploadName(bucket="b-1", key=b"k", store_id=str(n))


def upload(n: int) -> OpenUpload:
    return OpenUpload(
        name=name(n),
        tag=bytes(16),
        envelope=cast("SealedEnvelope", None),
        index_key=bytes(32),
        checksum=None,
    )


def note(etag: str, size: int = 1) -> PartNote:
    return PartNote(etag=etag, plain_length=size, run_id=bytes(12), checksums={})


def test_the_upload_that_was_longest_not_asked_for_goes_first() -> None:
    memory = UploadMemory(uploads=2)
    for n in (1, 2):
        memory.remember(upload(n))
    memory.find(name(1))

    memory.remember(upload(3))

    assert [memory.find(name(n)) is not None for n in (1, 2, 3)] == [True, False, True]


def test_many_parts_push_out_other_uploads() -> None:
    """One upload alone may have all the parts that S3 allows."""
    memory = UploadMemory(parts=10)
    memory.remember(upload(1))
    memory.note(name(1), 1, note("a"))
    memory.remember(upload(2))

    for number in range(1, 21):
        memory.note(name(2), number, note("b"))

    assert memory.find(name(1)) is None
    assert memory.part(name(2), 20, "b") is not None


def test_only_the_attempt_that_is_named_is_known() -> None:
    memory = UploadMemory()
    memory.remember(upload(1))
    memory.note(name(1), 1, note("first"))
    memory.note(name(1), 1, note("second"))

    assert memory.part(name(1), 1, "first") is None
    assert memory.part(name(1), 1, "second") == note("second")
    assert memory.part(name(1), 2, "second") is None
    assert memory.part(name(2), 1, "second") is None


def test_notes_of_an_upload_that_is_forgotten_go_nowhere() -> None:
    memory = UploadMemory()
    memory.remember(upload(1))
    memory.forget(name(1))

    memory.note(name(1), 1, note("a"))

    assert memory.find(name(1)) is None
    assert memory.part(name(1), 1, "a") is None


def test_another_part_of_a_size_is_one_under_another_number() -> None:
    memory = UploadMemory()
    memory.remember(upload(1))
    memory.note(name(1), 1, note("a", 5))

    assert not memory.has_other_part_of(name(1), 1, 5)
    assert not memory.has_other_part_of(name(1), 2, 6)
    assert memory.has_other_part_of(name(1), 2, 5)


def test_that_a_bucket_has_no_versions_holds_for_a_moment() -> None:
    memory = UploadMemory(uploads=1)
    memory.note_unversioned("bucket", now=100.0)

    assert memory.is_unversioned("bucket", now=104.0)
    assert not memory.is_unversioned("bucket", now=106.0)
    assert not memory.is_unversioned("other", now=100.0)
