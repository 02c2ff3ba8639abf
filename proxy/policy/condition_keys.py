"""The condition keys that are known, as a table: AWS's name, its type, whether it can have several values.

From "AWS global condition context keys" (IAM user guide) and the pages of the Service Authorization Reference
for AWS KMS and Amazon S3. A key that is not here, or that nobody supplies, is absent from every request; a
policy that names one is whole, and `config check` says so. Names are compared without regard to case.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConditionKey:
    name: str
    """As AWS writes it; one that ends in : or / goes on with a name of the author's."""
    type: str
    """String, Numeric, Date, Bool, IpAddress or ARN."""
    several: bool = False
    never: bool = False
    """What it tells of does not exist here: no request has it."""


_STRINGS = """
    aws:FederatedProvider aws:PrincipalAccount aws:PrincipalOrgID aws:PrincipalServiceName aws:PrincipalTag/
    aws:PrincipalType aws:referer aws:RequestedRegion aws:RequestTag/ aws:ResourceAccount aws:ResourceOrgID
    aws:ResourceTag/ aws:SourceAccount aws:SourceIdentity aws:SourceOrgID aws:SourceVpc aws:SourceVpce
    aws:UserAgent aws:userid aws:username aws:VpceAccount aws:VpceOrgID
    kms:CallerAccount kms:CustomerMasterKeySpec kms:CustomerMasterKeyUsage kms:DataKeyPairSpec
    kms:EncryptionAlgorithm kms:EncryptionContext: kms:ExpirationModel kms:GrantConstraintType
    kms:GranteePrincipal kms:GranteeServicePrincipal kms:KeyAgreementAlgorithm kms:KeyOrigin kms:KeySpec
    kms:KeyUsage kms:MacAlgorithm kms:MessageType kms:MultiRegionKeyType kms:PrimaryRegion kms:ReplicaRegion
    kms:RequestAlias kms:RetiringPrincipal kms:RetiringServicePrincipal kms:SigningAlgorithm kms:ViaService
    kms:WrappingAlgorithm kms:WrappingKeySpec
    s3:AccessPointNetworkOrigin s3:annotation-prefix s3:authType s3:BucketTag/ s3:DataAccessPointAccount
    s3:delimiter s3:destinationRegion s3:ExistingObjectTag/ s3:if-match s3:if-none-match
    s3:locationconstraint s3:object-lock-event-hold s3:object-lock-legal-hold s3:object-lock-mode s3:prefix
    s3:RequestObjectTag/ s3:ResourceAccount s3:signatureversion s3:versionid s3:x-amz-acl
    s3:x-amz-bucket-namespace s3:x-amz-content-sha256 s3:x-amz-copy-source s3:x-amz-grant-full-control
    s3:x-amz-grant-read s3:x-amz-grant-read-acp s3:x-amz-grant-write s3:x-amz-grant-write-acp
    s3:x-amz-metadata-directive s3:x-amz-object-annotation-directive s3:x-amz-object-if-match
    s3:x-amz-object-ownership s3:x-amz-server-side-encryption
    s3:x-amz-server-side-encryption-customer-algorithm s3:x-amz-storage-class
    s3:x-amz-website-redirect-location
"""
_SEVERAL_STRINGS = """
    aws:CalledVia aws:PrincipalOrgPaths aws:PrincipalServiceNamesList aws:ResourceOrgPaths aws:SourceOrgPaths
    aws:TagKeys aws:VpceOrgPaths kms:EncryptionContextKeys kms:GrantOperations kms:ResourceAliases
    s3:InventoryAccessibleOptionalFields s3:RequestObjectTagKeys
"""
_OTHERS = {
    "Bool": """
        aws:MultiFactorAuthPresent aws:PrincipalIsAWSService aws:SecureTransport aws:ViaAWSService
        kms:BypassPolicyLockoutSafetyCheck kms:GrantIsForAWSResource kms:MultiRegion kms:ReEncryptOnSameKey
        s3:ObjectCreationOperation
    """,
    "Date": "aws:CurrentTime aws:TokenIssueTime kms:ValidTo s3:object-lock-retain-until-date",
    "Numeric": """
        aws:EpochTime aws:MultiFactorAuthAge kms:RotationPeriodInDays
        kms:ScheduleKeyDeletionPendingWindowInDays kms:TrailingDaysWithoutKeyUsage
        s3:max-annotation-results s3:max-keys s3:object-lock-event-hold-duration-days
        s3:object-lock-remaining-retention-days s3:signatureAge s3:TlsVersion
    """,
    "IpAddress": "aws:SourceIp aws:VpcSourceIp",
    "ARN": """
        aws:PrincipalArn aws:SourceArn aws:SourceVpcArn kms:GrantConstraintSourceArn
        s3:AccessGrantsInstanceArn s3:DataAccessPointArn s3:x-amz-server-side-encryption-aws-kms-key-id
    """,
}


_NEVER = """
    aws:CalledVia aws:FederatedProvider aws:MultiFactorAuthAge aws:MultiFactorAuthPresent aws:PrincipalOrgID
    aws:PrincipalOrgPaths aws:PrincipalServiceName aws:PrincipalServiceNamesList aws:ResourceOrgID
    aws:ResourceOrgPaths aws:SourceAccount aws:SourceArn aws:SourceIdentity aws:SourceOrgID
    aws:SourceOrgPaths aws:SourceVpc aws:SourceVpcArn aws:SourceVpce aws:TokenIssueTime aws:VpcSourceIp
    aws:VpceAccount aws:VpceOrgID aws:VpceOrgPaths s3:AccessGrantsInstanceArn s3:AccessPointNetworkOrigin
    s3:DataAccessPointAccount s3:DataAccessPointArn
"""


def _table() -> dict[str, ConditionKey]:
    none = frozenset(_NEVER.split())
    keys = [
        *(ConditionKey(name, "String", never=name in none) for name in _STRINGS.split()),
        *(
            ConditionKey(name, "String", several=True, never=name in none)
            for name in _SEVERAL_STRINGS.split()
        ),
        *(
            ConditionKey(name, kind, never=name in none)
            for kind, names in _OTHERS.items()
            for name in names.split()
        ),
    ]
    return {key.name.lower(): key for key in keys}


KEYS = _table()
_OPEN = tuple(name for name in KEYS if name.endswith((":", "/")))


def maybe_known(name: str) -> ConditionKey | None:
    """The row of a key, whatever the case of its name."""
    lower = name.lower()
    found = KEYS.get(lower)
    if found is not None:
        return None if lower in _OPEN else found
    return next((KEYS[beginning] for beginning in _OPEN if lower.startswith(beginning)), None)
