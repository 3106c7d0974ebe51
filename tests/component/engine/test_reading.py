"""Reading units of work: several tables as they stood at one moment."""

from component.engine.system import ALL


def test_a_reader_sees_one_moment_whatever_is_committed_meanwhile(system):
    shop = system.shop("web-1", config=ALL)
    id_ = shop.deploy("one")

    with system.store.read() as uow:
        before = uow.deployments.get(id_).status
        system.settle()
        after = uow.deployments.get(id_).status
        history = uow.history.after(id_, 0)

    assert before == after == "Created"
    assert len(history) == 1
    assert shop.deployment(id_).status == "Succeeded"
