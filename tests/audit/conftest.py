"""An event with everything in it, to be varied with dataclasses.replace."""

from datetime import UTC, datetime

import pytest

from proxy.audit.event import S3, Details, Event, Outcome, Phases, Resource, UserIdentity


@pytest.fixture
def event() -> Event:
    return Event(
        event_id="6f1e5a3c-0000-4000-8000-000000000001",
        event_time=datetime(2026, 3, 4, 5, 6, 7, 89000, tzinfo=UTC),
        event_source=S3,
        event_name="GetObject",
        aws_region="eu-central-1",
        source_ip_address="10.0.0.7",
        user_agent="Boto3/1.43",
        user_identity=UserIdentity(
            type="IAMUser",
            arn="arn:aws:iam::111122223333:user/ann",
            account_id="111122223333",
            access_key_id="AKIDANN",
            user_name="ann",
        ),
        request_id="REQ1",
        request_parameters={"bucketName": "photos", "key": "a.jpg", "range": "bytes=0-9"},
        resources=(Resource(arn="arn:aws:s3:::photos/a.jpg", type="AWS::S3::Object"),),
        recipient_account_id="111122223333",
        details=Details(
            bytes_transferred_out=10,
            key_arn="arn:aws:kms:eu-central-1:111122223333:key/k",
            data_key_scope="bucket",
            cache_hit=False,
            encryption_mode="SSE_KMS",
            phases=Phases(auth_us=40, kms_us=900, total_us=2000),
            store_request_id="STORE1",
            http_status=206,
            outcome=Outcome.COMPLETED,
        ),
    )
