"""Compute platforms, as requests name them."""

from tidegate.domain.deployment import ComputePlatform
from tidegate_api.codedeploy.errors import AwsError


def read_platform(name: str | None) -> ComputePlatform:
    """Return the compute platform of that name; Server where none is named.

    Raises:
        AwsError: There is none of that name.
    """
    try:
        return ComputePlatform.SERVER if name is None else ComputePlatform(name)
    except ValueError:
        known = ", ".join(ComputePlatform)
        raise AwsError(
            "InvalidComputePlatformException",
            f"{name[:40]!r} is no compute platform; there are: {known}."
            if name
            else f"The compute platform must be one of: {known}.",
        ) from None
