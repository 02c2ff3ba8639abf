"""The actions on the tags of keys."""

from dataclasses import dataclass, replace
from typing import Any

from proxy.hsm.core.paging import page
from proxy.hsm.core.tags import check_names, checked_tags, merged, without
from proxy.hsm.engine_desk import Call, Desk

Response = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TagActions:
    desk: Desk

    def tag_resource(self, call: Call) -> Response:
        most = self.desk.limits.tags_per_key
        added = checked_tags(call.request["Tags"], most)
        key = self.desk.managed_key(call, call.request["KeyId"])
        self.desk.ring.put_key(replace(key, tags=merged(key.tags, added, most)))
        return {}

    def untag_resource(self, call: Call) -> Response:
        names = call.request["TagKeys"]
        check_names(names)
        key = self.desk.managed_key(call, call.request["KeyId"])
        self.desk.ring.put_key(replace(key, tags=without(key.tags, names)))
        return {}

    def list_resource_tags(self, call: Call) -> Response:
        tags = dict(self.desk.managed_key(call, call.request["KeyId"]).tags)
        found, following = page(sorted(tags), call.request, default=50, most=50)
        return {"Tags": [{"TagKey": name, "TagValue": tags[name]} for name in found], **following}
