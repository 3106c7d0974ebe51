"""Commands that are imported once and forked for each call: what a command costs is its work.

Run as a program: it reads a JSON line for each command, and answers with its exit code.
"""

import json
import os
import sys

# As an ordinary user a command cannot read what belongs to root's interpreter: all of it is here.
import encodings.cp437  # isort: skip
import encodings.idna
import encodings.latin_1  # noqa: F401

import tidegate_cli.local
import tidegate_cli.output  # noqa: F401
from tidegate_cli.main import run


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    run(["local", "--help"])
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 70
            try:
                code = perform(order)
            finally:
                os._exit(code)
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        answers.flush()


def perform(order: dict) -> int:
    """Become what a shell would have started, and run the command."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace")
    if order["uid"] is not None:
        os.setgroups([])
        os.setgid(order["uid"])
        os.setuid(order["uid"])
    os.umask(order["umask"])
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    code = run(order["args"])
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    main()
