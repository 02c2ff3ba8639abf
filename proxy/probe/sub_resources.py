"""Which operations on settings, tags, ACLs and locks a store carries out: `knows` of upstream/capabilities.

A store that does not know the word in the query does something plainer, and answers success. So nothing is
believed that is not shown: what was written is read back, what was deleted is gone, and the object that it
was tried on, or beside, is still what it was. All of it happens on an object and in a bucket made for it.
"""

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.probe.bench import Bench, Seen
from proxy.probe.trials import Finding
from proxy.s3.markup import NAMESPACE

BODY = b"A setting is tried on an object, which it must leave as it is.\n" * 20
SETTLE_SECONDS = (0.0, 0.2, 0.6)
"""How long a store is given to show what was written."""
LACKS = frozenset({404, 405, 409, 501})
"""The answers of a store that has no such operation, or takes it for CreateBucket. Any other refusal may be
about this bucket or caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A sub-resource: what to write, and what a read must show from then on, until it is deleted."""

    word: str
    shows: str
    put: str
    """The operation's name, as is `delete`."""
    delete: str = ""
    """Empty where it has none."""
    document: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    undo: str = ""
    """Written in the end, for what has no deletion."""

    @property
    def operations(self) -> tuple[str, ...]:
        return (self.put, self.delete) if self.delete else (self.put,)


_TAGS = "<Tagging><TagSet><Tag><Key>probe</Key><Value>shown</Value></Tag></TagSet></Tagging>"
OBJECT_SETTINGS = (
    Setting(
        word="tagging", document=_TAGS, shows="shown", put="PutObjectTagging", delete="DeleteObjectTagging"
    ),
    Setting(word="acl", headers={"x-amz-acl": "private"}, shows="FULL_CONTROL", put="PutObjectAcl"),
)
BUCKET_SETTINGS = (
    Setting(
        word="tagging", document=_TAGS, shows="shown", put="PutBucketTagging", delete="DeleteBucketTagging"
    ),
    Setting(
        word="cors",
        document="<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>"
        "<AllowedOrigin>http://shown.example</AllowedOrigin></CORSRule></CORSConfiguration>",
        shows="shown.example",
        put="PutBucketCors",
        delete="DeleteBucketCors",
    ),
    Setting(
        word="lifecycle",
        document="<LifecycleConfiguration><Rule><ID>shown</ID><Filter><Prefix>never/</Prefix></Filter>"
        "<Status>Enabled</Status><Expiration><Days>3650</Days></Expiration></Rule></LifecycleConfiguration>",
        shows="never/",
        put="PutBucketLifecycleConfiguration",
        delete="DeleteBucketLifecycle",
    ),
    Setting(
        word="policy",
        document='{"Version":"2012-10-17","Statement":[{"Sid":"shown","Effect":"Deny","Principal":"*",'
        '"Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/never"}]}',
        shows="/never",
        put="PutBucketPolicy",
        delete="DeleteBucketPolicy",
    ),
    Setting(
        word="website",
        document="<WebsiteConfiguration><IndexDocument><Suffix>shown.html</Suffix></IndexDocument>"
        "</WebsiteConfiguration>",
        shows="shown.html",
        put="PutBucketWebsite",
        delete="DeleteBucketWebsite",
    ),
    Setting(
        word="ownershipControls",
        document="<OwnershipControls><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule>"
        "</OwnershipControls>",
        shows="BucketOwnerPreferred",
        put="PutBucketOwnershipControls",
        delete="DeleteBucketOwnershipControls",
    ),
    Setting(
        word="publicAccessBlock",
        document="<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls>"
        "</PublicAccessBlockConfiguration>",
        shows="<IgnorePublicAcls>true",
        put="PutPublicAccessBlock",
        delete="DeletePublicAccessBlock",
    ),
    Setting(
        word="accelerate",
        document="<AccelerateConfiguration><Status>Suspended</Status></AccelerateConfiguration>",
        shows="Suspended",
        put="PutBucketAccelerateConfiguration",
    ),
    Setting(
        word="requestPayment",
        document="<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>",
        shows="Requester",
        put="PutBucketRequestPayment",
        undo="<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
    ),
    Setting(
        word="metrics",
        query={"id": "shown"},
        document="<MetricsConfiguration><Id>shown</Id></MetricsConfiguration>",
        shows="<Id>shown",
        put="PutBucketMetricsConfiguration",
        delete="DeleteBucketMetricsConfiguration",
    ),
    Setting(
        word="versioning",
        document="<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
        shows="Enabled",
        put="PutBucketVersioning",
    ),
)
"""Versioning comes last: what is deleted from then on would stay as a version."""


async def settings_of_objects(bench: Bench) -> dict[str, Finding]:
    """By operation. Raises UpstreamError."""
    found: dict[str, Finding] = {}
    for setting in OBJECT_SETTINGS:
        await bench.put("setting", BODY)
        found |= await _tried(bench, setting, bench.key("setting"))
    return found


async def settings_of_buckets(bench: Bench) -> dict[str, Finding]:
    """By operation, in a bucket that does not exist yet. Raises UpstreamError."""
    made = await bench.ask("PUT")
    if not made.ok:
        how = f"a bucket to try it on could not be made: {made}"
        return dict.fromkeys(_names(BUCKET_SETTINGS), Finding(found=None, how=how))
    found: dict[str, Finding] = {}
    for setting in BUCKET_SETTINGS:
        await bench.ask("PUT")  # the one before may have deleted it
        await bench.put("setting", BODY)
        found |= await _tried(bench, setting, "")
    return found


async def _tried(bench: Bench, setting: Setting, key: str) -> dict[str, Finding]:
    put = await _written(bench, setting, key)
    found = {setting.put: put}
    if setting.delete:
        found[setting.delete] = await _deleted(bench, setting, key) if put.found else put
    if setting.undo and put.found:
        await _send(bench, "PUT", setting, key, setting.undo)
    return found


async def _written(bench: Bench, setting: Setting, key: str) -> Finding:
    before = await _read(bench, setting, key)
    answer = await _send(bench, "PUT", setting, key, setting.document.replace("BUCKET", bench.bucket))
    if not await _kept(bench):
        return Finding(found=False, how=f"PUT ?{setting.word} got {answer}, and the object was another one")
    if not answer.ok:
        return Finding(
            found=False if answer.status in LACKS else None, how=f"PUT ?{setting.word} got {answer}"
        )
    shown = await _shows(bench, setting, key)
    if shown and setting.shows.encode() in before.body and not key:
        return Finding(found=None, how=f"?{setting.word} showed it before it was written")
    return Finding(found=shown, how=f"PUT ?{setting.word} got {answer}, and a read {_SHOWED[shown]} it")


async def _deleted(bench: Bench, setting: Setting, key: str) -> Finding:
    answer = await _send(bench, "DELETE", setting, key, "")
    if not await _kept(bench):
        return Finding(found=False, how=f"DELETE ?{setting.word} got {answer}, and took the object along")
    if not answer.ok:
        return Finding(
            found=False if answer.status in LACKS else None, how=f"DELETE ?{setting.word} got {answer}"
        )
    gone = not await _shows(bench, setting, key, wanted=False)
    return Finding(found=gone, how=f"DELETE ?{setting.word} got {answer}, and a read {_SHOWED[not gone]} it")


_SHOWED = {True: "showed", False: "did not show"}


async def _shows(bench: Bench, setting: Setting, key: str, *, wanted: bool = True) -> bool:
    """Whether a read does, once it does as wanted or its time is over."""
    shown = not wanted
    for seconds in SETTLE_SECONDS:
        await asyncio.sleep(seconds)
        answer = await _read(bench, setting, key)
        shown = answer.ok and setting.shows.encode() in answer.body
        if shown is wanted:
            break
    return shown


async def _kept(bench: Bench) -> bool:
    return (await bench.get("setting")).body == BODY


async def _read(bench: Bench, setting: Setting, key: str) -> Seen:
    return await bench.ask("GET", key, {setting.word: "", **setting.query})


async def _send(bench: Bench, method: str, setting: Setting, key: str, document: str) -> Seen:
    body = document.replace(">", f' xmlns="{NAMESPACE}">', 1).encode()  # some stores ask for it
    headers = dict(setting.headers)
    if body:  # S3 asks for it with some
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        headers["content-md5"] = base64.b64encode(digest).decode()
    return await bench.ask(method, key, {setting.word: "", **setting.query}, headers=headers, body=body)


def _names(settings: tuple[Setting, ...]) -> list[str]:
    return [name for setting in settings for name in setting.operations]


TRIED = frozenset(_names(OBJECT_SETTINGS + BUCKET_SETTINGS))
"""What `knows` can name beyond these is the configuration's word: locks, ACLs of buckets, and what needs
another bucket or service to point at."""
