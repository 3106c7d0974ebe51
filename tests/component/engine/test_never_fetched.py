"""Deployments whose revision no worker ever fetches."""

from datetime import timedelta

import pytest

from component.engine.system import System
from component.engine.traffic import TrafficShop
from tidegate.domain.configs import DEFAULT_CONFIG
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.revision import Source, SourceType


@pytest.mark.parametrize("platform", [ComputePlatform.SERVER, ComputePlatform.LAMBDA])
def test_they_fail_after_twelve_hours(system: System, platform: ComputePlatform):
    shop = TrafficShop.with_hosts(
        system.store, ["web-1"], platform=platform, config=DEFAULT_CONFIG[platform]
    )
    source = Source(type=SourceType.S3, bucket="away", key="shop", bundle_type="yaml")
    shop.revision("away", source=source, is_known=False)
    id_ = shop.deploy("away")

    system.advance(id_)
    system.clock.advance(timedelta(hours=12))
    system.advance(id_)
    assert shop.deployment(id_).status == "Created"
    system.clock.advance(1)
    system.advance(id_)

    deployment = shop.deployment(id_)
    assert (deployment.status, deployment.error_code) == ("Failed", "TIMEOUT")
    assert "its revision was never fetched" in deployment.error_message
