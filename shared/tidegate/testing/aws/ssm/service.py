"""The service: what it answers, and what it does with commands while nobody asks."""

import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from tidegate.testing.aws.ssm import script, telling
from tidegate.testing.aws.ssm.command import KILLED, Command, Invocation
from tidegate.testing.aws.ssm.host import Host
from tidegate.testing.aws.ssm.switches import Fault, Heard, Mishap, Switches, Throttle

_OFTEN: Final = 0.05
"""Seconds between two looks while commands are on their way."""
_SELDOM: Final = 0.25


class RunCommandService:
    """One for all regions; its lock is held by whoever changes anything in it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.begin_anew()
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None

    def begin_anew(self) -> None:
        """Forget everything, and have nothing run any more."""
        script.kill_all_of(getattr(self, "commands", {}))
        self.hosts: dict[str, Host] = {}
        self.commands: dict[str, Command] = {}
        self._open: list[Command] = []
        self.heard, self.throttle = Heard(), Throttle()
        self.heal()

    def heal(self) -> None:
        """Have things go on as they do when nobody interferes."""
        self.switches = Switches()
        self.mishaps: deque[Mishap] = deque()
        self.faults: deque[Fault] = deque()

    def host_in(self, region: str, instance_id: str) -> Host | None:
        """Return a host that a region knows and that is on."""
        host = self.hosts.get(instance_id)
        return host if host and host.region == region and host.is_on else None

    def send(
        self, region: str, request: Mapping[str, Any], parameters: Mapping[str, Any], ids: list[str]
    ) -> Command:
        """Take a command that has been checked."""
        now = time.time()
        command = Command(
            id=str(uuid.uuid4()),
            region=region,
            sent_at=now,
            request=request,
            switches=self.switches,
            parameters=parameters,
            invocations={one: Invocation(instance_id=one) for one in ids},
            next_round_at=now + self.switches.dispatch_after,
        )
        self._meet_mishaps(command)
        self.commands[command.id] = command
        self._open.append(command)
        self.wake()
        return command

    def _meet_mishaps(self, command: Command) -> None:
        left = deque[Mishap]()
        for mishap in self.mishaps:
            hit = [
                one
                for one in command.invocations.values()
                if one.mishap is None and mishap.instance_id in (None, one.instance_id)
            ]
            for one in hit:
                one.mishap = mishap
            if not hit:
                left.append(mishap)
        self.mishaps = left

    def wake(self) -> None:
        """Have what is due be done soon."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        self._woken.set()

    def _watch(self) -> None:
        while True:
            with self.lock:
                busy = self.look(time.time())
            self._woken.wait(_OFTEN if busy else _SELDOM)
            self._woken.clear()

    def look(self, now: float) -> bool:
        """Do what is due; return whether commands are on their way."""
        self._follow_ec2()
        for command in self._open:
            telling.tell_changes(command)
        self._open = [command for command in self._open if not command.is_final]
        for command in self._open:
            self._dispatch(command, now)
            for one in command.invocations.values():
                if not one.is_final:
                    self._advance(command, one, now)
        for host in self.hosts.values():
            host.look(now, self.switches, self.wake)
        return bool(self._open) or any(host.jobs for host in self.hosts.values())

    def _dispatch(self, command: Command, now: float) -> None:
        """Have as many go out as may, each time twice as many as before."""
        waiting = [one for one in command.invocations.values() if one.dispatched_at is None]
        waiting = [one for one in waiting if not one.is_final]
        if not waiting or now < command.next_round_at:
            return
        if command.too_many_failed:
            for one in waiting:
                one.end("Terminated", at=now)
            return
        out = [
            one for one in command.invocations.values() if one.dispatched_at and not one.is_final
        ]
        if any(one.details == "Pending" for one in out):
            return
        most = command.at_once
        if command.switches.ramp:
            most = min(most, 2**command.round)
        for one in waiting[: max(0, most - len(out))]:
            one.dispatched_at = now
        command.round += 1
        command.next_round_at = now + command.switches.dispatch_after

    def _advance(self, command: Command, one: Invocation, now: float) -> None:
        host = self.hosts.get(one.instance_id)
        mishap = one.mishap
        if mishap and one.dispatched_at is not None:
            self._suffer(host, one, mishap, now)
        may_go = (
            one.awaits_delivery and one.dispatched_at is not None and now < command.begins_until
        )
        if may_go and (mishap is None or mishap.runs):
            if host and host.listens and host.has_room(self.switches):
                host.take(command, one)
            else:
                one.details = "Delayed"
        forgotten = one.awaits_delivery or not (host and host.listens)
        if mishap and mishap.details == "InProgress":
            forgotten = True
        if forgotten and now >= command.delivered_until:
            one.end("DeliveryTimedOut", at=now)

    def _suffer(self, host: Host | None, one: Invocation, mishap: Mishap, now: float) -> None:
        """Have what was arranged for an invocation befall it when it is time."""
        if mishap.details == "InProgress":
            if one.awaits_delivery and not mishap.runs:
                one.details = "InProgress"
            return
        assert one.dispatched_at is not None
        if now < one.dispatched_at + mishap.after or (mishap.runs and one.awaits_delivery):
            return
        killed = mishap.runs and mishap.details in ("ExecutionTimedOut", "Cancelled")
        one.end(mishap.details, at=now, code=KILLED if killed else -1)
        for job in host.jobs if host and killed else ():
            if job.invocation is one and job.process:
                script.kill_group(job.process)

    def cancel(self, command: Command, ids: list[str]) -> None:
        """Cancel a command on some instances, or on all."""
        now = time.time()
        command.cancelled = command.cancelled or not ids
        for one in command.invocations.values():
            if ids and one.instance_id not in ids:
                continue
            if one.awaits_delivery:
                one.end("Cancelled", at=now)
            elif not one.is_final:
                one.details = "Cancelling"
        self.wake()

    def _follow_ec2(self) -> None:
        """Switch hosts off and on with the EC2 instances of the same ids."""
        states = {one.id: one.state == "running" for one in self.ec2_instances()}
        for host in self.hosts.values():
            runs = states.get(host.id)
            if runs is None or host.on_again_at is not None or runs == host.is_on:
                continue
            if runs:
                host.is_on = True
            else:
                host.switch_off()

    def ec2_instances(self) -> Iterator[Any]:
        """Return the EC2 instances, as moto has them, of the regions in which there are hosts."""
        if "moto.ec2.models" not in sys.modules:
            return
        for region in {host.region for host in self.hosts.values()}:
            for reservation in get_backend("ec2")[DEFAULT_ACCOUNT_ID][region].all_reservations():
                yield from reservation.instances
