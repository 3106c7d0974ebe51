"""The host driver `ssm`: commands of AWS Systems Manager, shared by all hosts that want one."""

import asyncio
import secrets
from collections.abc import Callable
from functools import partial
from typing import Final

from typing_extensions import override

from tidegate.clock import SystemClock
from tidegate.drivers.aws_clients import Clients
from tidegate.drivers.aws_roles import account_of
from tidegate.drivers.hosts import HostAddress, HostRun, Seen
from tidegate.drivers.hosts.errand import Errand, Progress, Runner
from tidegate.drivers.hosts.follow import Following
from tidegate.drivers.hosts.hearing import Party
from tidegate.drivers.hosts.loop_hosts import LoopHosts, Unroutable
from tidegate.drivers.hosts.mailbox import Mailbox
from tidegate.drivers.hosts.pace import Pace
from tidegate.drivers.hosts.settings import InvalidSettings
from tidegate.drivers.hosts.ssm_acquaintances import Acquaintances
from tidegate.drivers.hosts.ssm_batches import Batch, SsmPace
from tidegate.drivers.hosts.ssm_calls import SsmCalls
from tidegate.drivers.hosts.ssm_command import Command
from tidegate.drivers.hosts.ssm_counter import Counter
from tidegate.drivers.hosts.ssm_exchange import Exchange, NoExchange
from tidegate.drivers.hosts.ssm_office import Office
from tidegate.drivers.hosts.ssm_settings import SsmSettings
from tidegate.drivers.hosts.ssm_talk import SsmPlace, SsmWay
from tidegate.drivers.hosts.ssm_wants import Common, Desk, LocalDesk, LocalTurns, Turns

_HELPERS: Final = 32
"""Threads in which AWS and the desk are asked."""


def _wall() -> float:
    return SystemClock().now().timestamp()


class SsmHosts(LoopHosts):
    """Hosts that AWS Systems Manager manages: nobody logs in, and no port is open."""

    def __init__(
        self,
        *,
        region: str = "",
        exchange: str = "",
        artifacts: str = "",
        assume_role: bool = False,
        pace: SsmPace | None = None,
        turns: Turns | None = None,
        desk: Callable[[str, str], Desk] | None = None,
        runner: Runner | None = None,
    ) -> None:
        """Ask in *region* where a host names none; *desk* gives that of a role and region.

        *exchange* and *artifacts* are places in S3: `Exchange` says what for.
        """
        super().__init__("tidegate-ssm", helpers=_HELPERS)
        self._region = region
        self._places = exchange, artifacts
        self._pace = pace or SsmPace()
        self._turns = turns or LocalTurns()
        self._desk = desk or (lambda _role, _region: LocalDesk())
        self._runner = runner or Runner.ours()
        self._chance = secrets.SystemRandom().uniform
        # A lost answer is looked for before anything is sent again; botocore would just send it.
        self._clients = Clients("ssm", tries=1, assume_role=assume_role)
        self._exchange: Exchange | None = None
        self._offices: dict[tuple[str, str], Office] = {}

    @override
    def following(
        self,
        address: HostAddress,
        run: HostRun | None,
        *,
        seen: Seen,
        loop: asyncio.AbstractEventLoop,
    ) -> tuple[Following, Mailbox]:
        settings = self._settings(address)
        place = SsmPlace(address.name, settings.instance_id)
        mailbox = Mailbox(loop)
        party = Party(
            place=place,
            errand=Errand(self._runner, run, settings.state_dir),
            progress=Progress.since(seen),
            mailbox=mailbox,
            pace=Pace(lost_after=self._pace.lost_after),
        )
        exchange = self._exchange_of()
        way = SsmWay(
            party,
            self._office(settings.role_arn, settings.region or self._region, exchange),
            exchange,
            place=place,
            common=Common(
                bundles=settings.bundles,
                output_bucket=settings.output_bucket or "",
                output_prefix=settings.output_prefix or "",
            ),
            state_dir=settings.state_dir,
            ids=partial(secrets.token_hex, 16),
            now=loop.time,
        )
        return Following(party, way, chance=self._chance, now=loop.time), mailbox

    @override
    def close(self) -> None:
        super().close()
        if self._exchange is not None:
            self._exchange.close()

    @staticmethod
    def _settings(address: HostAddress) -> SsmSettings:
        try:
            return SsmSettings.read(address.settings)
        except InvalidSettings as invalid:
            raise Unroutable(f"{address.name} cannot be reached: {invalid}") from None

    def _exchange_of(self) -> Exchange:
        if self._exchange is None:
            place, artifacts = self._places
            try:
                self._exchange = Exchange(place, artifacts=artifacts)
            except NoExchange as error:
                raise Unroutable(str(error)) from None
        return self._exchange

    def _office(self, role: str, region: str, exchange: Exchange) -> Office:
        key = self._clients.role_for(role), region
        if key not in self._offices:
            counter = Counter(
                calls=SsmCalls(self._clients, region, role),
                turns=self._turns,
                pace=self._pace,
                account=account_of(key[0]),
                region=region,
                wall=_wall,
                chance=self._chance,
            )
            known = Acquaintances(counter, self._pace)

            def carry(batch: Batch, office: Office) -> asyncio.Task[None]:
                command = Command(
                    batch=batch,
                    counter=counter,
                    exchange=exchange,
                    known=known,
                    runner=self._runner,
                    pace=self._pace,
                    commands=lambda: office.commands,
                    answer=office.answer,
                    release=office.release,
                    is_wanted=office.is_wanted,
                )
                return asyncio.create_task(command.carry())

            self._offices[key] = Office(self._desk(*key), self._pace, carry, wall=_wall)
        return self._offices[key]
