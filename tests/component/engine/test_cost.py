"""What a deployment costs per target: the same for ten and for a hundred."""

from dataclasses import dataclass

import pytest
from sqlalchemy import event

from component.engine.system import ALL, ONE, System
from component.engine.traffic import functions, lambda_appspec
from parts.databases import Databases

FEW, MANY = 10, 100
TOLERANCE = 0.10
OF_A_LAST_SHIFT = 41
"""Statements for the last shift of a canary, the end of its deployment and a sign of life."""


@dataclass(frozen=True)
class Cost:
    statements: float
    messages: float


@pytest.fixture
def cost_of(databases: Databases, tmp_path):
    """Deploy to so many hosts under a config, and count per target."""

    def cost(targets: int, config: str) -> Cost:
        with databases.fresh("sqlite") as url:
            system = System(url, tmp_path)
            shop = system.shop(*[f"web-{number:03}" for number in range(targets)], config=config)
            shop.revision("one")
            statements: list[str] = []
            event.listen(
                system.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
            )
            id_ = shop.deploy("one")
            system.settle()
            deployment = shop.deployment(id_)
            system.close()
        assert deployment.overview == {"Succeeded": targets}
        messages = sum(system.broker.sent.values())
        return Cost(len(statements) / targets, messages / targets)

    return cost


@pytest.mark.timeout(600)
@pytest.mark.parametrize("config", [ALL, ONE])
def test_a_target_costs_the_same_among_few_and_among_many(cost_of, config):
    few, many = cost_of(FEW, config), cost_of(MANY, config)
    once_for_all = 60 / FEW

    assert many.statements <= few.statements * (1 + TOLERANCE)
    assert few.statements - many.statements <= once_for_all
    assert many.messages <= few.messages * (1 + TOLERANCE)
    assert many.messages <= 4


def test_a_shift_costs_few_statements(databases: Databases, tmp_path):
    with databases.fresh("sqlite") as url:
        system = System(url, tmp_path)
        shop = functions(system, "LambdaCanary10Percent5Minutes")
        id_ = shop.go(lambda_appspec())
        system.settle()
        assert system.sweep(after=5 * 60).woken == 1
        statements: list[str] = []
        event.listen(
            system.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
        )
        system.settle()
        count = sum(not one.startswith("BEGIN") for one in statements)
        status = shop.deployment(id_).status
        system.close()

    assert status == "Succeeded"
    assert count <= OF_A_LAST_SHIFT, statements
