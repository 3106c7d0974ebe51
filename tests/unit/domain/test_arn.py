"""What is named by ARNs, as AWS writes them."""

from typing import Any

import botocore.session
import pytest

from tidegate.domain.arn import partition_of

PARTITIONS: list[dict[str, Any]] = botocore.session.get_session().get_data("partitions")[
    "partitions"
]
REGIONS = [
    (region, partition["id"])
    for partition in PARTITIONS
    for region in partition["regions"]
    if not region.endswith("-global")
]


@pytest.mark.parametrize(("region", "partition"), REGIONS)
def test_each_region_is_in_its_partition(region: str, partition: str):
    assert partition_of(region) == partition


def test_a_region_that_nobody_knows_is_in_the_first():
    assert partition_of("mars-north-1") == "aws"
