"""The numbers that AWS published: the examples of the S3 pages and of its signature test suite."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from proxy.auth.canonical import canonical_path, canonical_query, canonical_request
from proxy.auth.sigv4 import Credentials, Signer, SigningKeys, scope_of, signature
from proxy.auth.verify import ChunkSignatures, Payload
from tests.auth.forge import EMPTY_SHA256, PERMANENT, Wire, authenticate

SCOPE = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
BUCKET = {"host": "examplebucket.s3.amazonaws.com"}

# AWS, "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk".
S3_EXAMPLES = {
    "GET object": (
        Wire(path="/test.txt", headers={**BUCKET, "range": "bytes=0-9"}),
        EMPTY_SHA256,
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "PUT object": (
        Wire(
            method="PUT",
            path="/test$file.text",
            headers={
                **BUCKET,
                "date": "Fri, 24 May 2013 00:00:00 GMT",
                "x-amz-storage-class": "REDUCED_REDUNDANCY",
            },
        ),
        sha256(b"Welcome to Amazon S3.").hexdigest(),
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "GET bucket lifecycle": (
        Wire(path="/", query="lifecycle", headers=BUCKET),
        EMPTY_SHA256,
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "list objects": (
        Wire(path="/", query="max-keys=2&prefix=J", headers=BUCKET),
        EMPTY_SHA256,
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}

# AWS, "... Transferring Payload in Multiple Chunks" and "... Including Trailing Headers": 65 KiB of `a`.
CHUNKED = Wire(
    method="PUT",
    path="/examplebucket/chunkObject.txt",
    headers={
        "host": "s3.amazonaws.com",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    },
)
CHUNKS = [sha256(data).hexdigest() for data in (b"a" * 65536, b"a" * 1024, b"")]
CHUNKED_EXAMPLES = {
    "chunks": (
        CHUNKED.with_headers(content_length="66824"),
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        [
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ],
        "",
    ),
    "chunks and a trailer": (
        CHUNKED.with_headers(x_amz_trailer="x-amz-checksum-crc32c"),
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        [
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        ],
        "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435",
    ),
}

# The signature test suite: service `service`, 30 August 2015. The path and the query are what it has on the
# request line, raw blanks and UTF-8 included; a repeated header's values are joined with commas.
SUITE_KEY = Credentials(access_key="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SUITE_TIME = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
PLAIN = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
VANILLA = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
SUITE = {
    "get-vanilla": ("/", "", {}, VANILLA),
    "get-relative": ("/example/..", "", {}, VANILLA),
    "get-slash-dot-slash": ("/./", "", {}, VANILLA),
    "get-slash": ("//", "", {}, VANILLA),
    "get-unreserved": (
        f"/{PLAIN}",
        "",
        {},
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    "get-slashes": (
        "//example//",
        "",
        {},
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
    ),
    "get-vanilla-query-order-key-case": (
        "/",
        "Param2=value2&Param1=value1",
        {},
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "get-vanilla-query-order-value": (
        "/",
        "Param1=value2&Param1=value1",
        {},
        "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
    ),
    "get-vanilla-utf8-query": (
        "/",
        "ሴ=bar",
        {},
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    "get-header-value-order": (
        "/",
        "",
        {"my-header1": "value4,value1,value3,value2"},
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    ),
    "get-header-key-duplicate": (
        "/",
        "",
        {"my-header1": "value2,value2,value1"},
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    "get-header-value-trim": (
        "/",
        "",
        {"my-header1": " value1", "my-header2": '"a   b   c"'},
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
}
SUITE_PATHS = {
    "/example space/": "/example%20space/",
    "/ሴ": "/%E1%88%B4",
    "/example/../..": "/",
    "//example/./": "/example/",
}


@pytest.mark.parametrize("name", S3_EXAMPLES)
def test_the_s3_pages_examples_are_signed_and_accepted(name: str) -> None:
    """Our signer makes the published signature, and the authenticator takes it."""
    unsigned, payload_hash, expected = S3_EXAMPLES[name]

    signed = unsigned.signed(payload_hash=payload_hash)

    assert signed.headers["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=")
    assert authenticate(signed).claim.signature == expected


def test_the_presigned_example_is_made_and_accepted() -> None:
    """AWS, "Authenticating Requests: Using Query Parameters"."""
    url = Wire(path="/test.txt", headers=BUCKET).presigned(expires_seconds=86400)

    assert url.query == (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    assert authenticate(url).payload is Payload.UNSIGNED


@pytest.mark.parametrize("name", CHUNKED_EXAMPLES)
def test_the_chunked_examples_chain_from_the_request_to_the_trailer(name: str) -> None:
    """Each published chunk signature is the next in the chain that the request's begins."""
    unsigned, payload_hash, seed, signatures, trailer_signature = CHUNKED_EXAMPLES[name]

    proof = authenticate(unsigned.signed(payload_hash=payload_hash))

    assert proof.claim.signature == seed
    assert isinstance(proof.chunks, ChunkSignatures)
    for chunk, expected in zip(CHUNKS, signatures, strict=True):
        proof.chunks.check(chunk, expected)
    if trailer_signature:
        proof.chunks.check_trailer(sha256(b"x-amz-checksum-crc32c:sOO8/Q==\n").hexdigest(), trailer_signature)


@pytest.mark.parametrize("name", SUITE)
def test_the_signature_suite_is_reproduced(name: str) -> None:
    path, query, headers, expected = SUITE[name]

    added = Signer(SUITE_KEY, region="us-east-1", service="service").sign(
        method="GET",
        path=path,
        query=query,
        headers={"host": "example.amazonaws.com", **headers},
        payload_hash=EMPTY_SHA256,
        now=SUITE_TIME,
    )

    assert added["authorization"].endswith(f"Signature={expected}")


def test_the_signature_suite_signs_a_session_token() -> None:
    token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"

    added = Signer(replace(SUITE_KEY, session_token=token), region="us-east-1", service="service").sign(
        method="GET",
        path="/",
        query="",
        headers={"host": "example.amazonaws.com"},
        payload_hash=EMPTY_SHA256,
        now=SUITE_TIME,
    )

    assert added["x-amz-security-token"] == token
    assert added["authorization"].endswith(
        "SignedHeaders=host;x-amz-date;x-amz-security-token, "
        "Signature=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"
    )


@pytest.mark.parametrize(("raw", "expected"), SUITE_PATHS.items())
def test_the_signature_suites_raw_paths_have_its_canonical_form(raw: str, expected: str) -> None:
    assert canonical_path(raw, "service") == expected


def test_a_signature_can_be_made_step_by_step() -> None:
    """The pieces that the signer is made of are open to others, such as POST policies."""
    canonical = canonical_request(
        method="GET",
        path="/",
        query=canonical_query("lifecycle"),
        headers={**BUCKET, "x-amz-date": "20130524T000000Z", "x-amz-content-sha256": EMPTY_SHA256},
        signed_headers=["host", "x-amz-content-sha256", "x-amz-date"],
        payload_hash=EMPTY_SHA256,
    )
    key = SigningKeys().get(PERMANENT, day="20130524", region="us-east-1", service="s3")

    made = signature(key, "20130524T000000Z", scope_of("20130524", "us-east-1", "s3"), canonical)

    assert made == S3_EXAMPLES["GET bucket lifecycle"][2]
