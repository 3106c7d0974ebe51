"""The demo's AWS: moto's server, which tells of the functions that it is to run.

Started as `python -m tidegate_cli.demo_stand_in PORT`; prints a line of JSON for each function that
is called and waited for by nobody, as hooks are, and ends at SIGTERM.
"""

import json
import sys

from tidegate.testing.aws.server import serve
from tidegate_cli.demo_hosts import ADDRESS


def main() -> None:
    """Serve until SIGTERM."""
    told = sys.stdout
    # Nothing else may come between the lines.
    sys.stdout = sys.stderr

    def called(function: str, payload: bytes | str) -> None:
        text = payload.decode() if isinstance(payload, bytes) else payload
        told.write(json.dumps({"function": function, "payload": text}) + "\n")
        told.flush()

    serve(["-H", ADDRESS, "-p", sys.argv[1]], called=called)


if __name__ == "__main__":
    main()
