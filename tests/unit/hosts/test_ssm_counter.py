"""Each call of Systems Manager has its turn."""

import asyncio

from tidegate.drivers.hosts.ssm_batches import SsmPace
from tidegate.drivers.hosts.ssm_calls import Page, Throttled
from tidegate.drivers.hosts.ssm_counter import Counter
from tidegate.drivers.hosts.ssm_wants import Kind, Turns


class Counting(Turns):
    """Notes which turns were taken, and has nobody wait."""

    def __init__(self) -> None:
        self.taken: list[Kind] = []

    def take(
        self, account: str, region: str, kind: Kind, *, per_second: float, now: float
    ) -> float:
        self.taken.append(kind)
        return 0.0


def counter(turns: Turns) -> Counter:
    return Counter(
        calls=None,  # type: ignore[arg-type]
        turns=turns,
        pace=SsmPace(),
        account="",
        region="us-east-1",
        wall=lambda: 0.0,
        chance=lambda _least, _most: 0.0,
    )


def test_each_page_has_a_turn_and_a_throttled_one_is_read_again_alone():
    turns, asked = Counting(), []

    def read(token: str) -> Page[str]:
        asked.append(token)
        if asked == ["", "b"]:
            raise Throttled
        return [f"page {token}"], {"": "b", "b": "c"}.get(token, "")

    found = asyncio.run(counter(turns).pages(read))

    assert found == ["page ", "page b", "page c"]
    assert asked == ["", "b", "b", "c"]
    assert turns.taken == ["read"] * 4


def test_pages_without_end_are_left_alone_at_last():
    found = asyncio.run(counter(Counting()).pages(lambda token: ([token], f"{token}x")))

    assert len(found) == 51
