"""What the key service knows of the configuration's identities."""

import yaml

from proxy.config.load import parse
from proxy.policy.evaluate import Effect, judge
from proxy.policy.request import Request
from proxy.runtime.hsm import rights_of
from tests.config.conftest import edited, no_file

ANN = "arn:aws:iam::111122223333:user/ann"


def test_an_identity_brings_its_name_tags_and_policies() -> None:
    """And who is not among them brings nothing."""
    text = yaml.safe_dump(edited({"identities.0.tags": {"team": "crew"}}))
    found = rights_of(parse(text, {}, no_file))
    asked = Request(
        principal_arn=ANN,
        principal_account="111122223333",
        action="kms:Decrypt",
        resource="*",
        conditions={},
    )

    assert (found(ANN).name, found(ANN).tags) == ("ann", {"team": "crew"})
    assert judge(found(ANN).policies, asked).effect is Effect.ALLOW
    assert (found(ANN + "a").name, found(ANN + "a").policies) == ("", ())
