"""An object of 1 GiB that is none but for its name, envelope and size."""

from typing import Any

from proxy.seal.envelope import Mode, kms_context, seal_envelope
from recovery.sizes import sealed_size

GIB, MIB = 1 << 30, 1 << 20


def huge_source(raw: Any, kms: Any, bucket: str, key: str) -> bytes:
    """An object of 1 GiB as far as name, envelope and size go; a copy has no reason to look further.

    Gives its data key. Made of copied parts, since sealing and sending that much would take long.
    """
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    context = kms_context(bucket=bucket, key=key.encode(), data_key_per_object=False)
    made = kms.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context)
    envelope = seal_envelope(
        bucket=bucket,
        key=key.encode(),
        mode=Mode.KMS,
        data_key=made["Plaintext"],
        content_key=b"c" * 32,
        salt=b"s" * 16,
        plain_length=GIB,
        key_arn=arn,
        wrapped_data_key=made["CiphertextBlob"],
    )
    piece = {"Bucket": bucket, "Key": f"{key}-piece"}
    raw.put_object(**piece, Body=bytes(64 * MIB))
    name = {"Bucket": bucket, "Key": key}
    upload = {
        **name,
        "UploadId": raw.create_multipart_upload(**name, Metadata={"sealgate": envelope})["UploadId"],
    }
    etags = [
        raw.upload_part_copy(**upload, PartNumber=number, CopySource=piece)["CopyPartResult"]["ETag"]
        for number in range(1, 17)
    ]
    etags.append(raw.upload_part(**upload, PartNumber=17, Body=bytes(sealed_size(GIB) - GIB))["ETag"])
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    raw.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    raw.delete_object(**piece)
    return bytes(made["Plaintext"])
