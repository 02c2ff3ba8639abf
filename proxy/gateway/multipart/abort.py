"""AbortMultipartUpload: the store's first, so that nothing can complete it any more, then what was kept."""

from proxy.finish import finish
from proxy.gateway.call import Call
from proxy.gateway.forward import forward
from proxy.gateway.multipart.complete import forget_state
from proxy.gateway.multipart.upload import named_upload, upload_request
from proxy.gateway.rules import Mode as RuleMode
from proxy.gateway.store import answer_to, refusal
from proxy.s3.errors import S3Error
from proxy.s3.headers import client_headers
from proxy.seal.records import UploadName


async def abort_upload(call: Call) -> None:
    if call.rule.mode is RuleMode.PASSTHROUGH:
        await forward(call)
        return
    tag, name = named_upload(call)
    await call.reply(204, await finish(_abort(call, name, ours=tag is not None)))


async def _abort(call: Call, name: UploadName, *, ours: bool) -> dict[str, str]:
    """The answer's headers. Raises S3Error NoSuchUpload; some stores say that no upload is one."""
    async with answer_to(call, upload_request(call, name, method="DELETE")) as response:
        error = await refusal(call, response) if response.status >= 300 else None
        headers = client_headers(response.headers)
    if error is not None and (error.status != 404 or error.code == "NoSuchBucket"):
        raise error
    known = await forget_state(call, name)
    if error is not None or (ours and not known):
        raise S3Error("NoSuchUpload")
    return headers
