"""A copy on the store of what is too large for one request: an upload whose parts the store copies.

Every part carries the same condition, so all of them are of the body that was looked at. The parts are the
store's business alone: the object stays what it was, and what is sealed in it is cut as it was before.
"""

from urllib.parse import quote

from proxy.finish import finish
from proxy.gateway.call import Call
from proxy.gateway.copies.source import Made, Source, SourceChanged, made_result
from proxy.gateway.forward import XML
from proxy.gateway.side_by_side import side_by_side
from proxy.gateway.store import (
    ERROR_BYTES,
    answer_to,
    refusal,
    refuse_missing_bucket,
    refuse_unless_ok,
    request_for,
)
from proxy.s3.copying import SOURCE_RANGE, failure_within, parse_copy_result
from proxy.s3.multipart import (
    MOST_PARTS,
    CompleteRefused,
    build_complete,
    parse_completed,
    parse_initiated,
)

PART_BYTES = 1 << 30
"""Large, as each part costs a request, and small enough that several can be under way at once."""
AT_ONCE = 4
COMPLETE_BYTES = 1024 * 1024
"""A store may send a blank every few seconds before it answers."""
_CONDITIONS = frozenset({"if-match", "if-none-match"})


async def copy_in_parts(call: Call, source: Source, described: dict[str, str]) -> Made:
    """Raises SourceChanged. Whatever ends it early ends the upload, too."""
    await refuse_missing_bucket(call)  # SeaweedFS begins an upload in a bucket that is not there, and ends it
    conditions = {name: value for name, value in described.items() if name in _CONDITIONS}
    upload_id = await _begin(call, {name: described[name] for name in described.keys() - _CONDITIONS})
    try:
        ranges = part_ranges(source.stored_length, most=call.store.capabilities.largest_copy_bytes)
        steps = [
            _copy_part(call, source, upload_id, number, each) for number, each in enumerate(ranges, start=1)
        ]
        etags = await side_by_side(steps, at_once=AT_ONCE)
        return await finish(_complete(call, upload_id, etags, conditions))
    except BaseException:
        await finish(_abandon(call, upload_id))
        raise


def part_ranges(length: int, *, most: int) -> list[tuple[int, int]]:
    """First and last byte of each part: equal ones but for the last, none above `most`, 10,000 at most."""
    size = max(min(PART_BYTES, most), -(-length // MOST_PARTS))
    return [(first, min(first + size, length) - 1) for first in range(0, length, size)]


async def _begin(call: Call, headers: dict[str, str]) -> str:
    async with answer_to(call, request_for(call, headers, method="POST", query="uploads")) as response:
        await refuse_unless_ok(call, response)
        return parse_initiated(await response.read(limit=ERROR_BYTES))


async def _copy_part(  # what a part is copied from, and where to
    call: Call, source: Source, upload_id: str, number: int, part: tuple[int, int]
) -> tuple[int, str]:
    headers = source.bound | {SOURCE_RANGE: f"bytes={part[0]}-{part[1]}"}
    query = f"partNumber={number}&{_upload(upload_id)}"
    async with answer_to(call, request_for(call, headers, query=query)) as response:
        if response.status == 412:
            raise SourceChanged(await refusal(call, response))
        await refuse_unless_ok(call, response)
        return number, parse_copy_result(await response.read(limit=ERROR_BYTES)).etag


async def _complete(
    call: Call, upload_id: str, etags: list[tuple[int, str]], conditions: dict[str, str]
) -> Made:
    request = request_for(call, conditions | XML, method="POST", query=_upload(upload_id))
    async with answer_to(call, request, build_complete(etags)) as response:
        await refuse_unless_ok(call, response)
        try:
            etag = parse_completed(await response.read(limit=COMPLETE_BYTES))
        except CompleteRefused as exc:
            raise failure_within(exc.code, exc.message) from None
        result = await made_result(call, response.headers, etag=etag)
        return Made(result=result, headers=response.headers, encryption={})


async def _abandon(call: Call, upload_id: str) -> None:
    """The parts that were copied take room until then."""
    async with answer_to(call, request_for(call, {}, method="DELETE", query=_upload(upload_id))) as response:
        await refuse_unless_ok(call, response)


def _upload(upload_id: str) -> str:
    return f"uploadId={quote(upload_id, safe='')}"
