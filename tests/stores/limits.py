"""What the identity `limited` of the tests may do, in buckets whose names begin with `limited-`."""

from typing import Any

OPEN, INBOX = "arn:aws:s3:::limited-*/open/*", "arn:aws:s3:::limited-*/inbox/*"
HOME = "arn:aws:s3:::limited-*/home/${aws:username}/*"

LIMITS: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectTagging"], "Resource": [OPEN, HOME]},
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": [INBOX, HOME]},
        {
            "Effect": "Allow",
            "Action": "s3:PutObjectTagging",
            "Resource": INBOX,
            "Condition": {"StringEquals": {"s3:RequestObjectTag/project": "${aws:PrincipalTag/team}"}},
        },
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::limited-*",
            "Condition": {"StringLike": {"s3:prefix": ["open/*", "home/${aws:username}/*"]}},
        },
        {
            "Sid": "Sealed",
            "Effect": "Deny",
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::limited-*/inbox/kms/*",
            "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        },
        {
            "Sid": "FreshUrls",
            "Effect": "Deny",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::limited-*/open/fresh/*",
            "Condition": {"StringEquals": {"s3:authType": "REST-QUERY-STRING"}},
        },
    ],
}
