"""What a host's row and its group say about reaching it over SSM, checked."""

import re
from typing import Final, Literal

from pydantic import field_validator

from tidegate.drivers.hosts.settings import HostSettings, Text

INSTANCE: Final = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})|mi-[0-9a-f]{17}")
"""API reference of Systems Manager, SendCommand: `InstanceIds`."""
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION: Final = re.compile(r"[a-z]{2,4}(?:-[a-z]+){1,3}-\d")
_LONGEST_PREFIX: Final = 500


class SsmOptions(HostSettings):
    """How hosts are reached over SSM, whichever they are."""

    kind = "SSM"

    region: Text = None
    """Where Systems Manager knows the instance."""
    bundles: Literal["presigned", "host"] = "presigned"
    """Whether a host fetches bundles by presigned addresses, or by its own credentials."""
    output_bucket: Text = None
    """Where the SSM Agent puts what commands print, so that logs of any length come at once."""
    output_prefix: Text = None

    @field_validator("region")
    @classmethod
    def _is_region(cls, region: str | None) -> str | None:
        if region is not None and (len(region) > 32 or not _REGION.fullmatch(region)):
            raise ValueError(f"The region {region[:40]!r} is none; it looks like 'eu-central-1'.")
        return region

    @field_validator("output_bucket")
    @classmethod
    def _is_bucket(cls, bucket: str | None) -> str | None:
        if bucket is not None and not _BUCKET.fullmatch(bucket):
            raise ValueError(f"The output bucket {bucket[:80]!r} is no name of a bucket in S3.")
        return bucket

    @field_validator("output_prefix")
    @classmethod
    def _is_prefix(cls, prefix: str | None) -> str | None:
        if prefix is not None and (len(prefix) > _LONGEST_PREFIX or not prefix.isprintable()):
            raise ValueError(f"An output prefix has at most {_LONGEST_PREFIX} characters.")
        return prefix and prefix.strip("/")


class SsmSettings(SsmOptions):
    """How one host is reached over SSM."""

    instance_id: str
    role_arn: str = ""
    """By which AWS is called, where the service is set up so."""

    @field_validator("instance_id")
    @classmethod
    def _is_instance(cls, instance: str) -> str:
        if not INSTANCE.fullmatch(instance):
            raise ValueError(
                f"The instance id {instance[:40]!r} is none; it looks like 'i-0123456789abcdef0', "
                "or like 'mi-0123456789abcdef0' where the machine is not of EC2."
            )
        return instance
