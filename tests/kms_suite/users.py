"""The one caller that the suite knows: moto gives its tests this account and these credentials."""

from tests.stores.sealgate import User

CALLER = User(name="suite", account="123456789012", access_key="FOOBARKEY", secret_key="FOOBARSECRET")
REGIONS = (
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "eu-central-1",
    "eu-west-1",
    "ap-northeast-1",
)
