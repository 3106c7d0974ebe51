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
    _subnets: dict[str, str] = field(default_factory=dict)

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

    def launch_at(self, address: str, group: str = "", **tags: str) -> str:
        """Launch an instance that has this private address, into a group where one is named."""
        told = [{"Key": key, "Value": value} for key, value in tags.items()]
        more = {"TagSpecifications": [{"ResourceType": "instance", "Tags": told}]} if told else {}
        made = self.ec2.run_instances(
            ImageId=IMAGE,
            MinCount=1,
            MaxCount=1,
            SubnetId=self._subnet_of(address),
            PrivateIpAddress=address,
            **more,
        )
        id_ = str(made["Instances"][0]["InstanceId"])
        self._made.append(id_)
        if group:
            self.scaling.attach_instances(AutoScalingGroupName=group, InstanceIds=[id_])
        return id_

    def _subnet_of(self, address: str) -> str:
        block = ".".join(address.split(".")[:2]) + ".0.0/16"
        if block not in self._subnets:
            vpc = self.ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
            zone = f"{self.ec2.meta.region_name}a"
            made = self.ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)
            self._subnets[block] = made["Subnet"]["SubnetId"]
        return self._subnets[block]

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

    def scale_in(self, id_: str) -> None:
        """Terminate an instance of an Auto Scaling group, which launches no other in its place."""
        self.scaling.terminate_instance_in_auto_scaling_group(
            InstanceId=id_, ShouldDecrementDesiredCapacity=True
        )

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
