"""A process that runs the hosts of the bench, and knows what processor time they took.

Each host is an OpenSSH server with an address, a port and a host key of its own, in a mount
namespace of its own: what every host calls PLACE is another folder for each of them, as the same
path is another folder on every machine.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from parts.ports import free_port, is_listening
from parts.processes import ending_with_us, kill_all, living_with, wait_until
from parts.sshd import (
    CONFIG,
    SSHD,
    login_name,
    needs_pam,
    new_key,
    own_addresses,
    path_with_python,
    public_line,
)

PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")
MOUNTED = 'mount --bind "$0" "$1" && shift && exec "$@"'


class Farm:
    """All hosts, below *base*: `place` is what they see, `hosts/NAME` what it is in truth."""

    def __init__(self, base: Path, count: int) -> None:
        self.base = base
        self.place = base / "place"
        self.place.mkdir()
        key = new_key()
        self.identity = base / "id_ed25519"
        self.identity.touch(mode=0o600)
        self.identity.write_bytes(key.export_private_key("openssh"))
        self.allowed = public_line(key) + "\n"
        addresses = own_addresses()
        self.hosts = [self.start(f"web-{n:03}", next(addresses)) for n in range(1, count + 1)]
        for host in self.hosts:
            self.await_one(host)

    def start(self, name: str, address: str) -> dict[str, object]:
        folder, etc = self.base / "hosts" / name, self.base / "etc" / name
        folder.mkdir(parents=True)
        etc.mkdir(parents=True)
        key, port = new_key(), free_port(address)
        (etc / "host_key").touch(mode=0o600)
        (etc / "host_key").write_bytes(key.export_private_key("openssh"))
        (etc / "authorized_keys").write_text(self.allowed)
        config = CONFIG.format(
            address=address,
            port=port,
            etc=etc,
            use_pam="yes" if needs_pam() else "no",
            environment=f"HOME={self.place} PATH={path_with_python()}",
        )
        (etc / "sshd_config").write_text(config)
        sshd = [SSHD, "-D", "-e", "-f", str(etc / "sshd_config")]
        mounted = ["unshare", "--mount", "sh", "-c", MOUNTED, str(folder), str(self.place), *sshd]
        with (etc / "log").open("wb") as log:
            process = subprocess.Popen(
                ending_with_us(mounted),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return {
            "name": name,
            "address": address,
            "port": port,
            "host_key": public_line(key),
            "folder": str(folder),
            "pid": process.pid,
        }

    def await_one(self, host: dict[str, object]) -> None:
        log = self.base / "etc" / str(host["name"]) / "log"

        def is_up() -> bool:
            if not psutil.pid_exists(int(str(host["pid"]))):
                sys.exit(f"{host['name']} does not start: {log.read_text()}")
            return is_listening(str(host["address"]), int(str(host["port"])))

        wait_until(is_up, within=30, what=f"{host['name']} is up")

    def description(self) -> dict[str, object]:
        return {
            "place": str(self.place),
            "identity": str(self.identity),
            "user": login_name(),
            "hosts": self.hosts,
        }

    def cpu(self) -> float:
        """Seconds that all hosts have used since they began, once nothing runs on them."""
        listeners = {int(str(host["pid"])) for host in self.hosts}
        me = psutil.Process()
        until = time.monotonic() + 10
        while time.monotonic() < until:
            reap_others(listeners)
            busy = [p for p in me.children(recursive=True) if p.pid not in listeners]
            if not busy:
                break
            time.sleep(0.05)
        ticks = sum(ticks_of(pid) for pid in listeners)
        children = os.times()
        return ticks / TICKS + children.children_user + children.children_system

    def close(self) -> None:
        kill_all(psutil.Process().children(recursive=True))
        kill_all(living_with("HOME", str(self.place)))


def ticks_of(pid: int) -> int:
    """What a process has used itself, and those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))


def reap_others(listeners: set[int]) -> None:
    """Bury what detached itself on a host and has ended: it is our child then."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in listeners:
            sys.exit(f"The sshd with the pid {pid} ended by itself.")


def main() -> int:
    base, count = Path(sys.argv[1]), int(sys.argv[2])
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    farm = Farm(base, count)
    try:
        print(json.dumps(farm.description()), flush=True)
        for _ in sys.stdin:
            print(json.dumps({"cpu": farm.cpu()}), flush=True)
    finally:
        farm.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
