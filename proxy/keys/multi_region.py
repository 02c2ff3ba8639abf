"""Related keys of AWS KMS: one key, in several regions.

Their ids begin with `mrk-` and are alike; their ARNs differ in the region and in nothing else; what one has
wrapped, the other opens. Nothing but that makes two keys related. Only ARNs here: no call, no botocore.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

_FIELDS: Final = 6
_REGION: Final = 3


def is_key_arn(key_id: str) -> bool:
    return key_id.startswith("arn:") and ":key/" in key_id


def is_multi_region(key_arn: str) -> bool:
    return is_key_arn(key_arn) and key_arn.rpartition("/")[2].startswith("mrk-")


def region_of(key_id: str) -> str:
    """Of a key's or an alias's ARN; empty for a name without one."""
    fields = key_id.split(":", _FIELDS - 1)
    return fields[_REGION] if len(fields) == _FIELDS else ""


def in_region(key_id: str, region: str) -> str:
    """The same ARN in another region; what is none stays as it is."""
    fields = key_id.split(":", _FIELDS - 1)
    if len(fields) != _FIELDS:
        return key_id
    return ":".join([*fields[:_REGION], region, *fields[_REGION + 1 :]])


def related_arns(key_arn: str, regions: Collection[str]) -> tuple[str, ...]:
    """The key itself, and where it is a multi-Region key those that it may have in these regions."""
    if not is_multi_region(key_arn):
        return (key_arn,)
    return tuple(dict.fromkeys([key_arn, *(in_region(key_arn, region) for region in regions)]))


def maybe_related(metadata: Mapping[str, Any], region: str) -> str | None:
    """The ARN in that region of the key that DescribeKey told of, if it says that there is one."""
    key_arn = str(metadata.get("Arn", ""))
    configuration = metadata.get("MultiRegionConfiguration")
    if not is_multi_region(key_arn) or not isinstance(configuration, Mapping):
        return None
    keys = [configuration.get("PrimaryKey"), *(configuration.get("ReplicaKeys") or ())]
    told = {key.get("Arn") for key in keys if isinstance(key, Mapping)}
    wanted = in_region(key_arn, region)
    return wanted if wanted in told else None
