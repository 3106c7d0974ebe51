"""Alarms that stop a deployment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    enabled: bool = False
    ignore_poll_failure: bool = False
    names: tuple[str, ...] = ()
