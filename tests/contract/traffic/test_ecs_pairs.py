"""Several pairs of target groups, as a group may have them on /v1."""

import pytest

from contract.traffic.ecs_course import RESTORE, Course, driver
from parts.ecs_account import CLUSTER, SERVICE, Account, forward
from tidegate.domain.aws_group import TargetGroupPair
from tidegate.drivers.traffic import Failed


class TestSeveralPairs:
    @pytest.fixture
    def pairs(self, account: Account) -> tuple[TargetGroupPair, ...]:
        """A second way in, by a listener and two target groups of its own."""
        arns = {}
        for name in ("inner-blue", "inner-green"):
            vpc = account.elb.describe_target_groups(Names=["blue"])["TargetGroups"][0]["VpcId"]
            arns[name] = account.elb.create_target_group(
                Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip"
            )["TargetGroups"][0]["TargetGroupArn"]
        self.inner = account.elb.create_listener(
            LoadBalancerArn=account.balancer,
            Protocol="HTTP",
            Port=9000,
            DefaultActions=[forward(arns["inner-blue"])],
        )["Listeners"][0]["ListenerArn"]
        self.arns = arns
        second = TargetGroupPair(
            target_groups=("inner-green", "inner-blue"), prod_listeners=(self.inner,)
        )
        return (*account.move().pairs, second)

    def serve_both(self, account: Account) -> None:
        """Have the primary task set behind both, on two ports."""
        first = account.task_sets()[0]
        made = account.ecs.create_task_set(
            cluster=CLUSTER,
            service=SERVICE,
            taskDefinition=account.definitions[0],
            launchType="FARGATE",
            loadBalancers=[
                *first["loadBalancers"],
                {
                    "targetGroupArn": self.arns["inner-blue"],
                    "containerName": "web",
                    "containerPort": 9999,
                },
            ],
        )["taskSet"]["taskSetArn"]
        account.ecs.update_service_primary_task_set(
            cluster=CLUSTER, service=SERVICE, primaryTaskSet=made
        )
        account.ecs.delete_task_set(
            cluster=CLUSTER, service=SERVICE, taskSet=first["taskSetArn"], force=True
        )
        for _ in range(3):
            account.task_sets()

    def split_of(self, account: Account, listener: str) -> list[int]:
        groups = account.actions_of(listener)[0]["ForwardConfig"]["TargetGroups"]
        return [group["Weight"] for group in groups]

    def test_they_move_together_and_back(
        self, account: Account, pairs: tuple[TargetGroupPair, ...]
    ):
        self.serve_both(account)
        before = account.picture()
        course = Course.looked(account, pairs=pairs, container_port=8081)
        course.go("prepare", "shift 10")

        assert self.split_of(account, account.prod) == [90, 10]
        assert self.split_of(account, self.inner) == [90, 10]
        green = account.task_sets()[1]["loadBalancers"]
        assert [(one["targetGroupArn"], one["containerPort"]) for one in green] == [
            (account.green, 8081),
            (self.arns["inner-green"], 9999),
        ]

        course.go("shift 100")
        course.until_done(RESTORE)
        assert account.picture() == before

    def test_a_pair_that_the_group_leaves_out_is_told(
        self, account: Account, pairs: tuple[TargetGroupPair, ...]
    ):
        self.serve_both(account)

        answer = driver().look(account.errand())

        assert isinstance(answer, Failed)
        assert f"is also behind {self.arns['inner-blue']}" in answer.message
