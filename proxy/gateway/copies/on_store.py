"""Copies that the store makes: no body passes here.

A sealed body gets a new envelope for its new name, and everything that describes it is sent along, since the
store forgets with the old envelope all other metadata. Bound to the body whose envelope was opened: the
store refuses where it was overwritten meanwhile.
"""

from dataclasses import replace

from proxy.gateway.call import Call
from proxy.gateway.copies.in_parts import copy_in_parts
from proxy.gateway.copies.source import Made, Source, SourceChanged
from proxy.gateway.rewrap import rewrapped
from proxy.gateway.sealing_plan import plan_for
from proxy.gateway.store import (
    ERROR_BYTES,
    answer_to,
    refusal,
    refuse_missing_bucket,
    refuse_unless_ok,
    request_for,
)
from proxy.gateway.store_encryption import asked_of_store, told_by_store
from proxy.s3.copying import METADATA_DIRECTIVE, TAGGING_DIRECTIVE, checksum_elements, parse_copy_result
from proxy.s3.encryption import parse_encryption
from proxy.s3.headers import ENVELOPE, check_metadata

_REPLACE = {METADATA_DIRECTIVE: "REPLACE", TAGGING_DIRECTIVE: "REPLACE"}


async def copy_rewrapped(call: Call, source: Source, described: dict[str, str]) -> Made:
    """The same body under another envelope. Raises SourceChanged."""
    assert source.opened is not None, "a body without an envelope is not rewrapped"
    plan = plan_for(call, parse_encryption(call.request.headers))
    envelope, sealing = await rewrapped(call, source.opened, plan)
    check_metadata(described, envelope_length=len(envelope))
    made = await copy_on_store(call, source, described | {ENVELOPE: envelope})
    result = replace(made.result, checksums=checksum_elements(source.checksums))
    return Made(result=result, headers=made.headers, encryption=sealing.told())


async def copy_as_it_is(call: Call, source: Source, described: dict[str, str]) -> Made:
    """Between two names that are not sealed. Raises SourceChanged."""
    call.trace.encryption = "passthrough"
    made = await copy_on_store(call, source, described | asked_of_store(call))
    return replace(made, encryption=told_by_store(call, made.headers))


async def copy_on_store(call: Call, source: Source, described: dict[str, str]) -> Made:
    """One copy, by one request or in parts, with these headers and none of the source's."""
    if source.stored_length > call.store.capabilities.largest_copy_bytes:
        return await copy_in_parts(call, source, described)
    headers = described | source.bound | _REPLACE
    async with answer_to(call, request_for(call, headers)) as response:
        if response.status == 412:
            raise SourceChanged(await refusal(call, response))
        if response.status == 500:  # what SeaweedFS says of a target's bucket that is not there
            await refuse_missing_bucket(call)
        await refuse_unless_ok(call, response)
        result = parse_copy_result(await response.read(limit=ERROR_BYTES))
        return Made(result=result, headers=response.headers, encryption={})
