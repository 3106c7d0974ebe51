"""A host of which nobody knows whether it began is asked later."""

from tidegate.domain.ids import TargetId
from tidegate.drivers.hosts import Failed
from tidegate.messages import LOOK_BACK


def test_a_run_that_may_have_begun_at_the_first_attempt_is_looked_back_at(system):
    sent = system.shop("web-1").deploy("one")
    host = system.hosts["web-1"]
    host.refusal = Failed("lost", "It has not answered.", retryable=True)
    system.settle()
    with system.store.read() as uow:
        assert uow.targets.get(sent, TargetId("web-1")).is_lost

    host.refusal = None
    system.sweep(after=31)
    assert LOOK_BACK in system.waiting()
    system.settle()

    assert not host.ran
    assert system.sweep(after=3600).freed == 0
