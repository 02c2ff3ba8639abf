"""The operations that are ours and not AWS's, in the form of botocore's own models: one check serves both.

They are asked for as `Sealgate.NAME`, signed as any other call.
"""

from typing import Any, Final

from botocore.model import ServiceModel

TARGET_PREFIX: Final = "Sealgate."

_MONTH: Final = {"type": "string", "min": 7, "max": 7, "pattern": "[0-9]{4}-(0[1-9]|1[0-2])"}
_OF_MONTH: Final = {"type": "structure", "members": {"Month": {"shape": "Month"}}}
_DESCRIPTION: Final[dict[str, Any]] = {
    "metadata": {"protocol": "json", "serviceId": "Sealgate"},
    "operations": {
        "GetBill": {"name": "GetBill", "input": {"shape": "OfMonth"}},
        "GetQuotas": {"name": "GetQuotas", "input": {"shape": "OfNothing"}},
        "GetUsage": {"name": "GetUsage", "input": {"shape": "OfMonth"}},
        "Reset": {"name": "Reset", "input": {"shape": "OfNothing"}},
    },
    "shapes": {
        "Month": _MONTH,
        "OfMonth": _OF_MONTH,
        "OfNothing": {"type": "structure", "members": {}},
    },
}


def own_model() -> ServiceModel:
    return ServiceModel(_DESCRIPTION, "sealgate")  # type: ignore[no-untyped-call]  # botocore has no types
