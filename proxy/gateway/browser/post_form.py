"""PostObject: a browser's form becomes a PutObject, once its policy is proven.

Until the fields are read nobody is known, so what is held of a stranger is bounded by S3's own 20 KiB. The
file is held whole, in its sender's share of memory: only its end in the body says how long it is.
"""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote, urlencode

from proxy.auth.post_policy import Policy, named, read_policy
from proxy.auth.verify import Authenticated
from proxy.gateway.authorization.authorize import authorize
from proxy.gateway.browser.wrapped import WrappedExchange
from proxy.gateway.call import Call, Rooms
from proxy.gateway.customer_keys import check_customer_keys
from proxy.gateway.exchange import BodyTooShort, Buffer, Exchange
from proxy.gateway.put import put_object
from proxy.gateway.settings.statements import refuse_by_policy
from proxy.s3.copying import tags_of_form
from proxy.s3.errors import S3Error
from proxy.s3.form import Fields, file_end, maybe_boundary, read_fields
from proxy.s3.markup import DECLARATION, element
from proxy.s3.operations import refuse_unknown_to_store
from proxy.s3.request import S3Request, renamed

MAX_FORM_BYTES = 32 * 1024**2
"""More than a person uploads by a form; larger objects have multipart uploads."""
_SIGNATURE = {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token", "x-amz-signature"}
_HEADERS = {
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
}


class Form:
    """One upload by a form, read so far as its fields."""

    def __init__(self, delimiter: bytes, fields: Fields, front: bytes, policy: Policy) -> None:
        self.delimiter = delimiter
        self.fields = fields
        self.front = front
        self.policy = policy


def is_form(request: S3Request) -> bool:
    """Whether nobody signs this request but by its body."""
    return (
        request.method == "POST"
        and request.bucket != ""
        and request.key == ""
        and not request.query
        and "authorization" not in request.headers
        and maybe_boundary(request.headers) is not None
    )


async def read_form(
    rooms: Rooms, exchange: Exchange, request: S3Request
) -> tuple[S3Request, Authenticated, Form]:
    """The request for the object that the form names, and who let it. Raises S3Error, AuthError."""
    delimiter = maybe_boundary(request.headers) or b""
    front = b""
    while (fields := read_fields(front, delimiter)) is None:
        more = await exchange.read()
        if not more:
            raise S3Error("MalformedPOSTRequest")
        front += more
    authenticated = rooms.authenticator.authenticate_form(fields.values, now=rooms.now())
    policy = read_policy(fields.values["policy"])
    policy.check(fields.values, bucket=request.bucket, now=rooms.now(), file_name=fields.file_name)
    key = named(fields.values.get("key", ""), fields.file_name)
    if not key:
        raise S3Error("InvalidArgument", "Bucket POST must contain a field named 'key'.", ArgumentName="key")
    return renamed(request, key), authenticated, Form(delimiter, fields, front, policy)


async def refuse_formless(_: Call) -> None:
    """A POST on a bucket that is signed by its head, or holds no form."""
    raise S3Error("PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data")


async def post_object(call: Call, form: Form) -> None:
    """Seal the form's file under the name that it gives."""
    announced = call.request.headers.get("content-length", "")
    if not announced:
        raise S3Error("MissingContentLength")
    if int(announced) > MAX_FORM_BYTES:
        raise S3Error("EntityTooLarge", MaxSizeAllowed=str(MAX_FORM_BYTES), ProposedSize=announced)
    authorize(replace(call, request=replace(call.request, headers=_headers(call.request, form, 0))))
    async with call.hold(2 * int(announced)):
        file = await _file(call.exchange, form)
        if form.policy.most_bytes is not None and len(file) > form.policy.most_bytes:
            raise S3Error(
                "EntityTooLarge", ProposedSize=str(len(file)), MaxSizeAllowed=str(form.policy.most_bytes)
            )
        if len(file) < form.policy.least_bytes:
            raise S3Error("EntityTooSmall", ProposedSize=str(len(file)))
        request = replace(call.request, method="PUT", headers=_headers(call.request, form, len(file)))
        refuse_unknown_to_store(call.operation, request, call.store.capabilities.knows)
        exchange = _Answered(call, form, file)
        put = replace(call, request=request, exchange=exchange)
        refuse_by_policy(put)
        check_customer_keys(put)
        await put_object(put)


async def _file(exchange: Exchange, form: Form) -> bytes:
    body = bytearray(form.front)
    while more := await exchange.read():
        body += more
    if len(body) < form.fields.file_start:
        raise BodyTooShort("the form ends before its file")
    return bytes(body[form.fields.file_start : file_end(body, form.fields.file_start, form.delimiter)])


def _headers(request: S3Request, form: Form, length: int) -> dict[str, str]:
    """The headers of the PutObject that the form stands for."""
    kept = {
        name: value
        for name, value in form.fields.values.items()
        if name in _HEADERS or (name.startswith("x-amz-") and name not in _SIGNATURE)
    }
    if "acl" in form.fields.values:
        kept["x-amz-acl"] = form.fields.values["acl"]
    if "tagging" in form.fields.values:
        kept["x-amz-tagging"] = tags_of_form(form.fields.values["tagging"])
    return kept | {"host": request.headers.get("host", ""), "content-length": str(length)}


class _Answered(WrappedExchange):
    """The form's exchange as PutObject sees it: its body is the file, its 200 what the form asks for."""

    def __init__(self, call: Call, form: Form, file: bytes) -> None:
        super().__init__(call.exchange)
        self._call = call
        self._fields = form.fields.values
        self._left = file
        self.method = "PUT"

    async def read(self) -> bytes:
        data, self._left = self._left, b""
        return data

    async def begin(
        self, status: int, headers: Mapping[str, str], *, length: int | None, first: Buffer = b""
    ) -> None:
        if status != 200:
            await self._inner.begin(status, headers, length=length, first=first)
            return
        status, told, body = self._success(headers)
        self._call.trace.status = status
        length = None if status == 204 else len(body)
        await self._inner.begin(status, {**headers, **told}, length=length, first=body)

    def _success(self, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        bucket, key, etag = self._call.request.bucket, self._call.request.key, headers.get("etag", "")
        redirect = self._fields.get("success_action_redirect") or self._fields.get("redirect", "")
        if redirect.startswith(("http://", "https://")) and redirect.isascii() and redirect.isprintable():
            joint = "&" if "?" in redirect else "?"
            query = urlencode({"bucket": bucket, "key": key, "etag": etag}, quote_via=quote)
            return 303, {"location": f"{redirect}{joint}{query}"}, b""
        scheme = "https" if self.secure else "http"
        place = self.headers.get("host", "") + ("" if self._call.request.virtual_host else f"/{bucket}")
        location = f"{scheme}://{place}/{quote(key, safe='/~')}"
        status = self._fields.get("success_action_status", "")
        if status == "201":
            inner = {"Location": location, "Bucket": bucket, "Key": key, "ETag": etag}
            text = "".join(element(name, value) for name, value in inner.items())
            document = f"{DECLARATION}<PostResponse>{text}</PostResponse>".encode()
            return 201, {"location": location, "content-type": "application/xml"}, document
        return 200 if status == "200" else 204, {"location": location}, b""
