"""A worker whose traffic stands nowhere: `canaries_worker.py FILE worker --queue traffic`.

What moves the traffic only writes to FILE when it was called for which shift.
"""

import sys
import threading
from pathlib import Path

from tidegate.clock import SystemClock
from tidegate.domain.deployment import ComputePlatform, ErrorCode
from tidegate.domain.traffic import Errand, Found
from tidegate.drivers.traffic import Answer, Done, Failed
from tidegate_workers.__main__ import main
from tidegate_workers.runtime import runtime


class Recorder:
    """A `TrafficDriver` that moves nothing and says that it did."""

    def __init__(self, file: Path) -> None:
        self._clock = SystemClock()
        self._lock = threading.Lock()
        self._lines = file.open("a")

    def look(self, errand: Errand) -> Done:
        del errand
        return Done(found=self._found(0), before={"weight": 0})

    def prepare(self, errand: Errand) -> Answer:
        del errand
        return Done(found=self._found(0))

    def test(self, errand: Errand) -> Done:
        del errand
        return Done(found=self._found(0))

    def shift(self, errand: Errand, weight: int) -> Done | Failed:
        # As whatever changes something out there asks before it does.
        if not errand.still_mine():
            lost = "Another worker has the step."
            return Failed(code=ErrorCode.INTERNAL_ERROR, message=lost, may_pass=True)
        found = self._found(weight)
        with self._lock:
            self._lines.write(f"{errand.deployment_id} {weight} {found.at.timestamp():.4f}\n")
            self._lines.flush()
        return Done(found=found)

    def finish(self, errand: Errand) -> Answer:
        del errand
        return Done(found=self._found(100))

    def restore(self, errand: Errand) -> Answer:
        del errand
        return Done(found=self._found(0))

    def _found(self, weight: int) -> Found:
        return Found(weight=weight, at=self._clock.now())


if __name__ == "__main__":
    runtime.traffic[ComputePlatform.LAMBDA] = Recorder(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
