"""The Celery application that workers, beat and Flower run."""

from typing import Final

from celery.signals import setup_logging

from tidegate.logs import configure_logging
from tidegate.messages import CONTROL, SWEEP, is_rabbitmq, make_celery
from tidegate.settings import load_settings
from tidegate_workers.ahead import FewAhead

SWEEP_EVERY: Final = 1.0
"""Seconds between two sweeps."""

settings: Final = load_settings()
app: Final = make_celery(settings)
app.conf.update(
    imports=["tidegate_workers.tasks", "tidegate_workers.signals", "tidegate_workers.health"],
    beat_schedule={
        SWEEP: {
            "task": SWEEP,
            "schedule": SWEEP_EVERY,
            # With no worker for a while sweeps would pile up; an old one is worth nothing.
            "options": {"queue": CONTROL, "expires": 3},
        },
    },
)
if is_rabbitmq(settings):
    app.steps["consumer"].add(FewAhead)


@setup_logging.connect(weak=False)
def _set_up_logging(**_: object) -> None:
    configure_logging(settings.log_format, settings.log_level)
