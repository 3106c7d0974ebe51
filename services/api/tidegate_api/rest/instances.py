"""EC2 instances of a deployment group, as `/v1` takes and shows them."""

from typing import Annotated

from pydantic import BaseModel, Field, StrictBool

from tidegate.domain.aws_group import OutdatedInstances
from tidegate.domain.ec2 import Ec2Options, InstanceAddress, Reach
from tidegate.domain.group import Group
from tidegate.domain.instances import Instance, InstanceState
from tidegate.engine.instance_groups import Ec2Request
from tidegate_api.rest.shapes import In
from tidegate_api.rest.tag_filters import TagFilterIn, TagFilterOut, set_of, shown_set


class Ec2In(In):
    """Which EC2 instances a group has, and how they are reached."""

    tag_filters: list[list[TagFilterIn]] = Field(default_factory=list)
    """Lists of conditions: an instance must meet at least one of each list."""
    auto_scaling_groups: list[Annotated[str, Field(max_length=255)]] = Field(default_factory=list)
    """Names of Auto Scaling groups, all of whose instances are meant, too."""
    outdated_instances: OutdatedInstances = OutdatedInstances.UPDATE
    """Whether instances that are launched during a deployment get it afterwards: `UPDATE`."""
    reach: Reach = Reach.SSM
    """`ssm`, or `ssh` by the user and the like that the group has in `ssh`."""
    address: InstanceAddress = InstanceAddress.PRIVATE
    """Which address SSH goes to: `private` or `public`."""
    host_ca: str | None = None
    """Public key of the authority that signs the host keys of the instances."""
    trust_on_first_use: StrictBool = False
    """Take the key that an instance shows at first, where no authority signs it."""

    def request(self) -> Ec2Request:
        return Ec2Request(
            tag_set=set_of(self.tag_filters),
            auto_scaling_groups=tuple(self.auto_scaling_groups),
            outdated_instances=self.outdated_instances,
            options=Ec2Options(
                reach=self.reach,
                address=self.address,
                host_ca=self.host_ca or "",
                trust_on_first_use=self.trust_on_first_use,
            ),
        )


class Ec2Out(BaseModel):
    tag_filters: list[list[TagFilterOut]]
    auto_scaling_groups: list[str]
    outdated_instances: OutdatedInstances
    reach: Reach
    address: InstanceAddress
    host_ca: str | None
    trust_on_first_use: bool

    @classmethod
    def of(cls, group: Group) -> "Ec2Out":
        aws, options = group.aws, group.ec2
        return cls(
            tag_filters=shown_set(aws.ec2_tags.tag_set),
            auto_scaling_groups=list(aws.auto_scaling_groups),
            outdated_instances=aws.outdated_instances,
            reach=options.reach,
            address=options.address,
            host_ca=options.host_ca or None,
            trust_on_first_use=options.trust_on_first_use,
        )


class InstanceOut(BaseModel):
    """An EC2 instance as it was when a deployment found it last."""

    id: str
    arn: str
    state: InstanceState
    auto_scaling_group: str | None
    private_address: str | None
    public_address: str | None

    @classmethod
    def of(cls, instance: Instance) -> "InstanceOut":
        return cls(
            id=instance.id,
            arn=instance.arn,
            state=instance.state,
            auto_scaling_group=instance.auto_scaling_group or None,
            private_address=instance.private_address or None,
            public_address=instance.public_address or None,
        )
