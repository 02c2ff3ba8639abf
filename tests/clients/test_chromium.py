"""A real browser: a visitor's form, and a script on a page of another origin, with its preflights."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.pages import Site, form, script, visiting
from tests.e2e.at_rest import AtRest
from tests.e2e.forms import signed
from tests.e2e.sdk import client
from tests.stores.sealgate import Sealgate

TEXT = "what the visitor sends, with ümlauts and a quote: ' \" " * 1000
SECRET = {"x-amz-meta-from": "a page"}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site().open() as made:
        yield made


@pytest.fixture(scope="module")
def signing(sealgate: Sealgate) -> Iterator[Any]:
    with client("s3", sealgate.url, signature_version="s3v4") as made:
        yield made


def bucket_for(s3: Any, origin: str) -> str:
    """A new one, whose rules let pages of that origin in."""
    name = f"pages-{uuid.uuid4()}"
    rule = {
        "AllowedMethods": ["GET", "PUT"],
        "AllowedOrigins": [origin],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag", "x-amz-server-side-encryption"],
    }
    s3.create_bucket(Bucket=name)
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [rule]})
    return name


def test_a_visitors_form(
    *, s3: Any, site: Site, bucket: str, tmp_path: Path, key_arn: str, sealed_on_store: AtRest
) -> None:
    """Filled in and sent by the browser; the visitor lands where the form says."""
    url, fields = signed(
        s3,
        bucket,
        "visitors/${filename}",
        success_action_redirect=f"{site.origin}/landed",
        **SECRET,
        **{
            "Content-Type": "text/plain",
            "x-amz-server-side-encryption": "aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id": key_arn,
        },
    )
    site.pages["/form"] = form(url, fields, file_name="my file ü.txt", text=TEXT)

    with visiting(f"{site.origin}/form", tmp_path):
        landed = site.report()

    key = "visitors/my file ü.txt"
    head = s3.head_object(Bucket=bucket, Key=key)
    assert landed == {"bucket": bucket, "key": key, "etag": head["ETag"]}
    assert (head["Metadata"], head["ContentType"]) == ({"from": "a page"}, "text/plain")
    sealed_on_store(bucket, key, TEXT.encode())


PUT_AND_READ = """
    const put = await fetch(url_to_put, {method: "PUT", body: text, headers});
    const got = await fetch(url_to_get);
    const refused = await fetch(url_to_get + "0");
    return {
        put: [put.status, put.headers.get("etag"), put.headers.get("x-amz-server-side-encryption")],
        got: [got.status, got.headers.get("etag"), await got.text()],
        refused: [refused.status, (await refused.text()).includes("<Code>SignatureDoesNotMatch</Code>")],
    };
"""


def urls(signing: Any, bucket: str, **more: str) -> dict[str, str]:
    place = {"Bucket": bucket, "Key": "by-script"}
    return {
        "url_to_put": signing.generate_presigned_url("put_object", Params=place | more),
        "url_to_get": signing.generate_presigned_url("get_object", Params=place),
    }


def test_a_script_on_a_page_that_a_rule_names(
    *, s3: Any, signing: Any, site: Site, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """Its PUT has headers that take a preflight; it reads answers, what they expose, and refusals."""
    bucket = bucket_for(s3, site.origin)
    more: Any = {"Metadata": {"from": "a page"}, "ContentType": "text/x-test"}
    site.pages["/script"] = script(
        PUT_AND_READ,
        text=TEXT,
        headers=SECRET | {"content-type": "text/x-test"},
        **urls(signing, bucket, **more),
    )

    with visiting(f"{site.origin}/script", tmp_path):
        told = site.report()

    etag = s3.head_object(Bucket=bucket, Key="by-script")["ETag"]
    assert told == {
        "put": [200, etag, "AES256"],
        "got": [200, etag, TEXT],
        "refused": [403, True],
    }
    sealed_on_store(bucket, "by-script", TEXT.encode())


def test_a_script_on_another_page_neither_writes_nor_reads(
    *, s3: Any, signing: Any, site: Site, tmp_path: Path
) -> None:
    """The browser asks first, and the answer is no."""
    bucket = bucket_for(s3, "https://elsewhere.example")
    s3.put_object(Bucket=bucket, Key="by-script", Body=b"as it was")
    site.pages["/stranger"] = script(
        """
        const tried = [];
        for (const [url, wish] of [[url_to_put, {method: "PUT", body: text}], [url_to_get, {}]])
            await fetch(url, wish).then(() => tried.push("answered"), error => tried.push(error.name));
        return tried;
        """,
        text=TEXT,
        **urls(signing, bucket),
    )

    with visiting(f"{site.origin}/stranger", tmp_path):
        told = site.report()

    assert told == ["TypeError", "TypeError"]
    assert s3.get_object(Bucket=bucket, Key="by-script")["Body"].read() == b"as it was"
