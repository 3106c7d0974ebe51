"""The desk of a process that works alone."""

from tidegate.drivers.hosts.ssm_wants import Answer, Common, LocalDesk, Want


def want(id_: str) -> Want:
    common = Common(bundles="presigned")
    return Want(id=id_, instance=id_, common=common, header={}, state_dir=None, asked_at=0.0)


def test_what_is_released_waits_again_and_what_is_answered_does_not():
    desk, wants = LocalDesk(), [want("a"), want("b"), want("c")]
    desk.put(wants)
    assert desk.claim(["a", "b"], ends_at=20.0, now=0.0) == {"a", "b"}
    desk.answer({"a": Answer(output="done")})

    desk.release(["a", "b"])

    view = desk.look(["a", "b"], now=1.0)
    assert {one.id for one in view.waiting} == {"b", "c"}
    assert view.answers == {"a": Answer(output="done")}
    assert view.ends == []
    assert desk.claim(["b"], ends_at=30.0, now=1.0) == {"b"}
