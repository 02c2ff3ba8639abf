"""What is tried on a store: each trial asks it, and believes nothing that it was not shown.

CAPABILITIES has one for each field of upstream/capabilities but UNTRIED and `knows`, which sub_resources.py
tries; PROMISES what must hold on every store, FACTS what is good to know. None leaves its bench's prefix.
"""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from awscrt import checksums

from proxy.probe.bench import Bench, Seen
from proxy.s3.markup import element

BODY = b"What a store does is tried, and not assumed.\n" * 20
OTHER = b"Something else.\n" * 20
PART = 5 << 20
"""S3's least for a part that is not the last."""
CUT_BYTES = 1 << 20
SETTLE_SECONDS = (0.1, 0.3, 0.6)
"""How long a store is given to make an object of what it should have thrown away."""
S3_METADATA_BYTES = 2048
ENVELOPE = "1." + "".join(map(chr, [*range(48, 58), *range(65, 91), 45, 95, *range(97, 123)])) * 10
"""As long as a sealed object's own, with every character of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    found: bool | int | str | None
    """None: could not be tried."""
    how: str
    """What the store did, for a person."""


Trial = Callable[[Bench], Awaitable[Finding]]


async def equal_parts(bench: Bench) -> Finding:
    sizes = {1: PART, 2: PART + 1024, 3: 1}
    return await _parts(bench, "unequal", sizes, "parts of two sizes")


async def consecutive_parts(bench: Bench) -> Finding:
    return await _parts(bench, "gap", {1: PART, 3: 1}, "parts 1 and 3 without a 2")


async def checksum_trailers(bench: Bench) -> Finding:
    right = await _with_trailer(bench, "trailer", BODY)
    if not right.ok or (await bench.get("trailer")).body != BODY:
        return Finding(found=False, how=f"an upload with a checksum behind it got {right}")
    wrong = await _with_trailer(bench, "wrong-trailer", OTHER)
    if wrong.ok:
        return Finding(found=False, how="a wrong checksum behind the body was taken")
    return Finding(found=True, how=f"a right checksum behind the body was taken, a wrong one got {wrong}")


async def checksum_headers(bench: Bench) -> Finding:
    right, wrong = [await bench.put("checksum", BODY, _crc32c_header(of)) for of in (BODY, OTHER)]
    found = right.ok and not wrong.ok
    return Finding(found=found, how=f"a right CRC32C in a header got {right}, a wrong one {wrong}")


async def checksum_parts(bench: Bench) -> Finding:
    """As the proxy uses them: the upload says so when it begins, and Complete lists no checksum."""
    wish = {"x-amz-checksum-algorithm": "CRC32C", "x-amz-checksum-type": "FULL_OBJECT"}
    query = {"partNumber": "1", "uploadId": await bench.begin_upload("summed", wish)}
    if not query["uploadId"]:
        return Finding(found=False, how="an upload with checksums of its parts could not begin")
    answers, key = [], bench.key("summed")
    for of in (OTHER, BODY):
        headers, coded = _trailed(checksum_of=of)
        answers.append(await bench.ask("PUT", key, query, headers=_crc32c_header(of), body=BODY))
        answers.append(await bench.ask("PUT", key, query, headers=headers, body=coded))
    part = element("PartNumber", "1") + element("ETag", answers[-1].headers.get("etag", ""))
    done = f"<CompleteMultipartUpload><Part>{part}</Part></CompleteMultipartUpload>".encode()
    answers.append(await bench.ask("POST", key, {"uploadId": query["uploadId"]}, body=done))
    how = "wrong CRC32Cs of a part got {} and {}, right ones {} and {}, Complete {}".format(*answers)
    return Finding(found=[each.ok for each in answers] == [False, False, True, True, True], how=how)


async def md5_etags(bench: Bench) -> Finding:
    etag = (await bench.put("etag", BODY)).headers.get("etag", "")
    found = etag.strip('"') == hashlib.md5(BODY, usedforsecurity=False).hexdigest()
    return Finding(found=found, how=f"an ETag was {'the' if found else 'not the'} MD5")


async def unsigned_payload(bench: Bench) -> Finding:
    answer = await bench.put("unsigned", BODY, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    return Finding(found=answer.ok, how=f"a body that nobody signed got {answer}")


async def conditional_writes(bench: Bench) -> Finding:
    first = await bench.put("once", BODY, {"if-none-match": "*"})
    again = await bench.put("once", OTHER, {"if-none-match": "*"})
    wrong = await bench.put("once", OTHER, {"if-match": '"00000000000000000000000000000000"'})
    kept = (await bench.get("once")).body == BODY
    right = await bench.put("once", OTHER, {"if-match": first.headers.get("etag", "")})
    obeyed = first.ok and kept and {again.status, wrong.status} == {412} and right.ok
    how = f"If-None-Match on what was there got {again}, a wrong If-Match {wrong}, a right one {right}"
    return Finding(found=obeyed, how=how)


async def conditional_copies(bench: Bench) -> Finding:
    etag = (await bench.put("source", BODY)).headers.get("etag", "")
    source = {"x-amz-copy-source": f"/{bench.bucket}/{bench.key('source')}"}
    answers = [
        await bench.ask("PUT", bench.key("copy"), headers=source | {"x-amz-copy-source-if-match": tag})
        for tag in ('"00000000000000000000000000000000"', etag)
    ]
    how = f"a copy of another ETag got {answers[0]}, of the right one {answers[1]}"
    return Finding(found=answers[0].status == 412 and answers[1].ok, how=how)


async def conditional_deletes(bench: Bench) -> Finding:
    await bench.put("deleted", BODY)
    wrong = {"if-match": '"00000000000000000000000000000000"'}
    answer = await bench.ask("DELETE", bench.key("deleted"), headers=wrong)
    kept = (await bench.get("deleted")).body == BODY
    how = f"a DELETE of another ETag got {answer}" + ("" if kept else " and was carried out")
    return Finding(found=answer.status == 412 and kept, how=how)


async def collapses_slashes(bench: Bench) -> Finding:
    return await _rewritten(bench, "slashes", "a//b", {"a/b"})


async def turns_backslashes(bench: Bench) -> Finding:
    return await _rewritten(bench, "backslash", "a\\b", {"a/b"})


async def drops_folder_bodies(bench: Bench) -> Finding:
    answer = await bench.put("folder/", BODY)
    kept = answer.ok and (await bench.get("folder/")).body == BODY
    how = "came back" if kept else "was gone" if answer.ok else f"got {answer}"
    return Finding(found=not kept, how=f"a body under a name that ends in a slash {how}")


async def reads_back(bench: Bench) -> Finding:
    answer = await bench.put("plain", BODY)
    got = await bench.get("plain")
    same = answer.ok and got.ok and got.body == BODY
    return Finding(found=same, how=f"a PUT got {answer}, the GET {got}" + ", the same bytes" * same)


async def keeps_metadata(bench: Bench) -> Finding:
    sent = {"x-amz-meta-sealgate": ENVELOPE, "x-amz-meta-quoted": 'a=b; "c", d'}
    answer = await bench.put("metadata", BODY, sent | {"x-amz-meta-under_score": "kept"})
    seen = [await bench.ask(method, bench.key("metadata")) for method in ("HEAD", "GET")]
    kept = answer.ok and all(each.headers.get(name) == sent[name] for each in seen for name in sent)
    names = kept and all(each.headers.get("x-amz-meta-under_score") == "kept" for each in seen)
    how = f"a PUT with metadata got {answer}; {'byte for byte the same' if kept else 'it came back changed'}"
    return Finding(found=kept, how=how + ("; a name with _ was changed" if kept and not names else ""))


async def forgets_cut_uploads(bench: Bench) -> Finding:
    await bench.put("overwritten", BODY)
    for name in ("cut", "overwritten"):
        await bench.cut(name, declared=2 * CUT_BYTES, sent=bytes(CUT_BYTES))
    for seconds in SETTLE_SECONDS:
        await asyncio.sleep(seconds)
        new, old = await bench.get("cut"), await bench.get("overwritten")
        if new.ok or old.body != BODY:
            return Finding(found=False, how="an upload that was cut half-way made an object")
    return Finding(found=True, how="an upload that was cut half-way left what was there before")


async def metadata_bytes(bench: Bench) -> Finding:
    """Names without their prefix, and values, as S3 counts them."""
    if (await _with_metadata(bench, S3_METADATA_BYTES)).ok:
        return Finding(found=S3_METADATA_BYTES, how="as S3 has it")
    least, most = 0, S3_METADATA_BYTES
    while most - least > 1:
        size = (least + most) // 2
        least, most = (size, most) if (await _with_metadata(bench, size)).ok else (least, size)
    return Finding(found=least, how=f"less than S3's {S3_METADATA_BYTES}")


async def checks_payload_hashes(bench: Bench) -> Finding:
    answer = await bench.put("hash", BODY, {"x-amz-content-sha256": hashlib.sha256(OTHER).hexdigest()})
    return Finding(found=not answer.ok, how=f"a body of another SHA-256 than was signed got {answer}")


async def checks_md5(bench: Bench) -> Finding:
    digest = base64.b64encode(hashlib.md5(OTHER, usedforsecurity=False).digest()).decode()
    answer = await bench.put("md5", BODY, {"content-md5": digest})
    return Finding(found=not answer.ok, how=f"a body of another MD5 than was declared got {answer}")


async def segment_bytes(bench: Bench) -> Finding:
    """What fits between two slashes of a name, of two sizes that matter."""
    answer = await bench.put("x" * 256, BODY)
    return Finding(found=1024 if answer.ok else 255, how=f"a name of 256 bytes between slashes got {answer}")


async def _parts(bench: Bench, name: str, sizes: Mapping[int, int], what: str) -> Finding:
    """Whether the store refuses an upload of such parts. found: whether the restriction is there."""
    upload_id = await bench.begin_upload(name)
    if not upload_id:
        return Finding(found=None, how="the store has no multipart uploads")
    done = ""
    for number, size in sizes.items():
        query = {"partNumber": str(number), "uploadId": upload_id}
        answer = await bench.ask("PUT", bench.key(name), query, body=bytes(size))
        if not answer.ok:
            return Finding(found=True, how=f"{what}: part {number} got {answer}")
        etag = element("ETag", answer.headers.get("etag", ""))
        done += f"<Part>{element('PartNumber', str(number))}{etag}</Part>"
    document = f"<CompleteMultipartUpload>{done}</CompleteMultipartUpload>".encode()
    answer = await bench.ask("POST", bench.key(name), {"uploadId": upload_id}, body=document)
    head = await bench.ask("HEAD", bench.key(name))
    whole = answer.ok and head.headers.get("content-length") == str(sum(sizes.values()))
    return Finding(found=not whole, how=f"{what} were {'put together' if whole else f'refused: {answer}'}")


async def _rewritten(bench: Bench, folder: str, name: str, rewritten: set[str]) -> Finding:
    answer = await bench.put(f"{folder}/{name}", BODY)
    if not answer.ok:
        return Finding(found=False, how=f"the name {name} got {answer}")
    shown = {key.removeprefix(bench.key(f"{folder}/")) for key in await bench.listed(folder + "/")}
    return Finding(
        found=shown == rewritten, how=f"{name} is listed as {', '.join(sorted(shown)) or 'nothing'}"
    )


async def _with_metadata(bench: Bench, size: int) -> Seen:
    return await bench.put("large-metadata", BODY, {"x-amz-meta-sealgate": "v" * (size - len("sealgate"))})


async def _with_trailer(bench: Bench, name: str, checksum_of: bytes) -> Seen:
    headers, coded = _trailed(checksum_of)
    return await bench.put(name, coded, headers)


def _crc32c_header(checksum_of: bytes) -> dict[str, str]:
    checksum = base64.b64encode(checksums.crc32c(checksum_of).to_bytes(4, "big")).decode()
    return {"x-amz-checksum-crc32c": checksum, "x-amz-sdk-checksum-algorithm": "CRC32C"}


def _trailed(checksum_of: bytes) -> tuple[dict[str, str], bytes]:
    """BODY in one chunk, with a CRC32C behind it, unsigned: headers and coding, as the proxy sends them."""
    checksum = _crc32c_header(checksum_of)["x-amz-checksum-crc32c"].encode()
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(len(BODY)),
        "x-amz-trailer": "x-amz-checksum-crc32c",
        "x-amz-sdk-checksum-algorithm": "CRC32C",
    }
    return headers, b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32c:%s\r\n\r\n" % (len(BODY), BODY, checksum)


CAPABILITIES: Mapping[str, Trial] = {
    trial.__name__: trial
    for trial in (
        *(equal_parts, consecutive_parts, checksum_trailers, checksum_headers, checksum_parts, md5_etags),
        *(unsigned_payload, conditional_writes),
        *(conditional_copies, conditional_deletes, collapses_slashes, turns_backslashes, drops_folder_bodies),
    )
}
UNTRIED = frozenset({"largest_copy_bytes"})
"""Capabilities whose trial would cost gigabytes: the configuration's word is taken."""
PROMISES: Mapping[str, Trial] = {
    trial.__name__: trial for trial in (reads_back, keeps_metadata, forgets_cut_uploads)
}
FACTS: Mapping[str, Trial] = {
    trial.__name__: trial for trial in (metadata_bytes, segment_bytes, checks_payload_hashes, checks_md5)
}
