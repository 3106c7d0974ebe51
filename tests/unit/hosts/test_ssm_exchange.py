"""Bundles are put into S3 once, and keep nobody else waiting."""

import asyncio
import threading
import time
from pathlib import Path

import pytest
from typing_extensions import override

from tidegate.drivers.hosts import Bundle
from tidegate.drivers.hosts.ssm_exchange import Exchange, ExchangeTrouble

PATIENCE = 20


class Slow(Exchange):
    """Takes as long for each upload as a test wants, and tells S3's client that it goes on."""

    def __init__(self) -> None:
        super().__init__("s3://bucket/exchange")
        self.uploads: list[str] = []
        self.begun, self.may_end, self.left_off = (threading.Event() for _ in range(3))

    @override
    def _has(self, bucket: str, key: str) -> bool:
        return False

    @override
    def _upload(self, bucket: str, key: str, path: Path) -> None:
        self.uploads.append(key)
        self.begun.set()
        try:
            while not self.may_end.wait(0.01):
                self._go_on(1)
        except Exception:
            self.left_off.set()
            raise


def bundle(number: int) -> Bundle:
    return Bundle(sha256=f"{number:064}", size=1, type="tgz", path=Path("/nowhere"))


def test_many_who_need_one_bundle_have_it_put_there_once_and_take_no_thread_from_others():
    exchange = Slow()

    async def main() -> list[dict[str, object]]:
        asked = [asyncio.create_task(exchange.offer(bundle(1))) for _ in range(100)]
        await asyncio.to_thread(exchange.begun.wait, PATIENCE)
        asked[0].cancel()
        # The threads that all else needs are free.
        await asyncio.wait_for(asyncio.to_thread(time.monotonic), PATIENCE)
        exchange.may_end.set()
        return await asyncio.gather(*asked[1:])

    found = asyncio.run(main())

    assert exchange.uploads == [f"exchange/bundles/{1:064}"]
    assert found == [{"bucket": "bucket", "key": exchange.uploads[0]}] * 99


def test_what_is_being_put_there_is_left_off_when_the_worker_ends():
    exchange = Slow()

    async def main() -> None:
        task = asyncio.create_task(exchange.offer(bundle(1)))
        await asyncio.to_thread(exchange.begun.wait, PATIENCE)
        task.cancel()
        exchange.close()
        assert await asyncio.to_thread(exchange.left_off.wait, PATIENCE)

    asyncio.run(main())


def test_a_bundle_that_has_gone_from_this_machine_is_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    exchange = Exchange("s3://bucket/exchange")
    monkeypatch.setattr(exchange, "_has", lambda *_: False)

    with pytest.raises(ExchangeTrouble) as raised:
        asyncio.run(exchange.offer(bundle(1)))

    exchange.close()
    assert raised.value.trouble.code == "misconfigured"
    assert "/nowhere: it cannot be read on this machine (no such file" in str(raised.value)
