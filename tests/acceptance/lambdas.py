"""Deployments to Lambda in a cloud: each has a function, an alias and a group of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acceptance.cloud import ROLL_BACK, Cloud, Run, until
from parts.aliases import REGION, Aliases, make_function

EVENTS = ("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")
BEFORE, AFTER = "CodeDeployHook_before", "CodeDeployHook_after"
AT_ONCE, NEVER = "LambdaAllAtOnce", "LambdaCanary10Percent30Minutes"
"""All at once; and a canary that is watched for a whole minute here, which no phase lasts."""


@dataclass(kw_only=True)
class Shop:
    """A function with its group, before it is deployed to."""

    cloud: Cloud
    config: str = AT_ONCE
    hooks: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(
        default_factory=lambda: {"autoRollbackConfiguration": ROLL_BACK}
    )

    def __post_init__(self) -> None:
        cloud = self.cloud
        self.function: Aliases = make_function(
            cloud.client("lambda", REGION), cloud.between, cloud.function_role
        )
        for hook in self.hooks.values():
            cloud.hook(REGION, hook)
        self.before = self.function.state()
        self.group = cloud.group(REGION, "Lambda", **self.settings)

    @property
    def appspec(self) -> dict[str, Any]:
        properties = {
            "Name": self.function.function,
            "Alias": "live",
            "CurrentVersion": "1",
            "TargetVersion": "2",
        }
        resource = {"Type": "AWS::Lambda::Function", "Properties": properties}
        hooks = [{event: hook} for event, hook in self.hooks.items()]
        return {"version": 0.0, "Resources": [{"shop": resource}], "Hooks": hooks}

    def deploy(self, **more: Any) -> Run:
        return self.cloud.deploy(REGION, self.group, self.appspec, self.config, **more)

    def wait_for(self, share: float) -> None:
        """Wait until the new version has that share of the traffic."""
        until(lambda: self.function.share() == share, what=f"the alias is at {share} %")

    def stands(self, version: str, **weights: float) -> bool:
        """Tell whether the alias is what it was but for this version and these weights by `v2`."""
        wanted = {**self.before, "FunctionVersion": version}  # type: ignore[dict-item]
        if weights:
            share = {name.removeprefix("v"): weight for name, weight in weights.items()}
            wanted["RoutingConfig"] = {"AdditionalVersionWeights": share}
        found = self.function.state()
        assert found == wanted
        return True


def phase_before(cloud: Cloud, **settings: Any) -> tuple[Shop, Run]:
    """A deployment whose first hook was called and says nothing; no traffic has moved."""
    shop = Shop(cloud=cloud, hooks={"BeforeAllowTraffic": BEFORE}, **settings)
    run = shop.deploy()
    run.called(BEFORE)
    return shop, run


def phase_canary(cloud: Cloud, *, config: str = NEVER, **settings: Any) -> tuple[Shop, Run]:
    """One whose canary is being watched."""
    shop = Shop(cloud=cloud, config=config, **settings)
    run = shop.deploy()
    shop.wait_for(10)
    return shop, run


def phase_after(cloud: Cloud, **settings: Any) -> tuple[Shop, Run]:
    """One whose last hook was called and says nothing; all traffic has moved."""
    shop = Shop(cloud=cloud, hooks={"AfterAllowTraffic": AFTER}, **settings)
    run = shop.deploy()
    run.called(AFTER)
    return shop, run


PHASES = {"before": phase_before, "canary": phase_canary, "after": phase_after}
LEFT = {"before": ("1", {}), "canary": ("1", {"v2": 0.1}), "after": ("2", {})}
"""How the alias stands in each phase: its version and its weights."""
