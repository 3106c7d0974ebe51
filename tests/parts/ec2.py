"""Instances in a stand-in for AWS, and Auto Scaling groups that launch them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

IMAGE = "ami-12345678"
_names = count(1)


@dataclass
class Account:
    """Makes instances as a test wants them, and terminates all that it made."""

    ec2: Any
    scaling: Any
    _made: list[str] = field(default_factory=list)
    _groups: list[str] = field(default_factory=list)

    def launch(self, number: int = 1, **tags: str) -> list[str]:
        return self.launch_with(tags, number)

    def launch_with(self, tags: Mapping[str, str], number: int = 1) -> list[str]:
        """Launch instances whose tags may have any key."""
        told = [{"Key": key, "Value": value} for key, value in tags.items()]
        more = {"TagSpecifications": [{"ResourceType": "instance", "Tags": told}]} if told else {}
        made = self.ec2.run_instances(ImageId=IMAGE, MinCount=number, MaxCount=number, **more)
        ids = [one["InstanceId"] for one in made["Instances"]]
        self._made += ids
        return ids

    def stop(self, *ids: str) -> None:
        self.ec2.stop_instances(InstanceIds=list(ids))

    def terminate(self, *ids: str) -> None:
        self.ec2.terminate_instances(InstanceIds=list(ids))

    def group(self, size: int) -> str:
        """Make an Auto Scaling group that has so many instances; return its name."""
        name = f"asg-{next(_names)}"
        self.scaling.create_launch_configuration(
            LaunchConfigurationName=name, ImageId=IMAGE, InstanceType="t3.micro"
        )
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchConfigurationName=name,
            MinSize=0,
            MaxSize=50,
            DesiredCapacity=size,
            AvailabilityZones=[f"{self.ec2.meta.region_name}a"],
        )
        self._groups.append(name)
        return name

    def scale(self, name: str, size: int) -> None:
        self.scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=size)

    def members(self, name: str) -> list[str]:
        told = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        return [one["InstanceId"] for one in told["AutoScalingGroups"][0]["Instances"]]

    def clear(self) -> None:
        for name in self._groups:
            self.scaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
        if self._made:
            self.terminate(*self._made)
