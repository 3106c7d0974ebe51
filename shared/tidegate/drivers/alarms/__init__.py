"""Alarms: who tells whether all is well out there."""

from typing import Protocol, TypeVar

from tidegate.domain.alarms import Alarm, CloudWatchAlarm, Inquiry, PrometheusCheck, Reading

A = TypeVar("A", bound=Alarm)


class AlarmSource(Protocol[A]):
    """Reads alarms of one kind; any number of threads may share it."""

    def states(self, inquiry: Inquiry[A]) -> tuple[Reading[A], ...]:
        """Return how each alarm of *inquiry* is, in their order, within half a minute.

        What cannot be read is a reading, too, and says why; whoever asks again may be told more.
        """


def cloudwatch_alarms(*, assume_role: bool = False) -> AlarmSource[CloudWatchAlarm]:
    """Return what reads CloudWatch's alarms.

    Where it is to *assume_role*, that of an inquiry is what AWS is called by.
    """
    # boto3 takes long to import, and who has no such alarms does not need it.
    from tidegate.drivers.alarms.cloudwatch import CloudWatchAlarms  # noqa: PLC0415

    return CloudWatchAlarms(assume_role=assume_role)


def prometheus_checks(url: str, *, token: str = "") -> AlarmSource[PrometheusCheck]:
    """Return what asks the Prometheus at *url*, with a bearer *token* if it wants one.

    An empty *url* says that there is none; then no check can be read.
    """
    from tidegate.drivers.alarms.prometheus import PrometheusChecks  # noqa: PLC0415

    return PrometheusChecks(url, token=token)
