"""Hosts to deploy to: a real OpenSSH server each, on an address and in a folder of its own."""

import ipaddress
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from pwd import getpwuid
from typing import Self

import asyncssh
import psutil
import pytest

from parts.ports import free_port, is_listening
from parts.processes import end, ending_with_us, kill_all, living_with, wait_until

SSHD = "/usr/sbin/sshd"
HOW_TO_GET_IT = f"no {SSHD} here: install openssh-server, or run `make test` as root, which does"

CONFIG = """\
ListenAddress {address}
Port {port}
HostKey {etc}/host_key
PidFile none
AuthorizedKeysFile {etc}/authorized_keys
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM {use_pam}
UseDNS no
PrintMotd no
PrintLastLog no
MaxStartups 2000
MaxSessions 100
LoginGraceTime 120
KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org
Subsystem sftp internal-sftp
SetEnv {environment}
{certificate}
"""


def has_sshd() -> bool:
    return os.access(SSHD, os.X_OK)


def require_sshd() -> None:
    """Skip the test that asks where there is no OpenSSH server."""
    if not has_sshd():
        pytest.skip(HOW_TO_GET_IT)


def _is_sshd(process: psutil.Process) -> bool:
    """Tell whether a process is of an SSH server; one that has ended meanwhile is none any more."""
    try:
        return process.name().startswith("sshd")
    except psutil.NoSuchProcess:
        return False


def new_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


def public_line(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


def login_name() -> str:
    """The user of the hosts: ourselves, for an sshd without root lets in nobody else."""
    return getpwuid(os.geteuid()).pw_name


def path_with_python() -> str:
    """The PATH of a session: OpenSSH's own, and our Python behind it where it has none."""
    usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return usual if shutil.which("python3", path=usual) else f"{usual}:{sys.base_prefix}/bin"


def needs_pam() -> bool:
    """A locked root can log in by key only where PAM decides."""
    shadow = Path("/etc/shadow")
    if os.geteuid() != 0 or not shadow.exists():
        return False
    return any(line.startswith("root:!") for line in shadow.read_text().splitlines())


@dataclass(kw_only=True)
class SshdHost:
    """One host. `folder` is its home and all it owns; its keys and config lie elsewhere."""

    name: str
    address: str
    port: int
    user: str
    identity_path: Path
    folder: Path
    etc: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    host_key: str = ""  # its public half, as known_hosts has it
    _server: subprocess.Popen[bytes] | None = None

    @property
    def identity(self) -> str:
        return f"file:{self.identity_path}"

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def settings(self) -> dict[str, object]:
        """What Tidegate must know to reach it, by the names that `/v1/hosts` has."""
        return {
            "address": self.address,
            "port": self.port,
            "user": self.user,
            "identity": self.identity,
            "host_key": self.host_key,
            "state_dir": str(self.state_dir),
        }

    @property
    def ssh_command(self) -> list[str]:
        """A command line of OpenSSH's own client, to which what shall run is added."""
        options = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "BatchMode": "yes",
        }
        parts = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
        place = ["-i", str(self.identity_path), "-p", str(self.port)]
        return ["ssh", "-F", "none", *parts, *place, f"{self.user}@{self.address}"]

    def start(self) -> Self:
        """Start its sshd, at the same address, port and key as before."""
        if not self.host_key:
            self.change_host_key()
        self._write_config()
        command = [SSHD, "-D", "-e", "-f", str(self.etc / "sshd_config")]
        with (self.etc / "log").open("ab") as log:
            self._server = subprocess.Popen(
                ending_with_us(command), cwd="/", stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: self._is_up() or self._has_ended(), within=20, what=f"{self.name} is up")
        assert not self._has_ended(), (self.etc / "log").read_text()
        return self

    def change_host_key(self) -> None:
        """Make it another machine in the eyes of its clients, from its next start on."""
        key = new_key()
        path = self.etc / "host_key"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(key.export_private_key("openssh"))
        self.host_key = public_line(key)

    @property
    def certificate(self) -> Path:
        """Where its sshd finds a certificate for its key at its next start, if there is one."""
        return self.etc / "host_key-cert.pub"

    def sign_host_key(self, authority: Path, *options: str) -> None:
        """Have an authority vouch for its key, by OpenSSH's own tool, and show that."""
        public = self.etc / "host_key.pub"
        public.write_text(self.host_key + "\n")
        command = ["ssh-keygen", "-q", "-s", str(authority), "-I", self.name, *options, str(public)]
        subprocess.run(command, check=True)
        self.stop()
        self.start()

    def stop(self) -> None:
        """End its sshd and every connection; what runs detached goes on, as behind a cut cable."""
        self._signal_sshd(signal.SIGTERM)
        self.thaw()
        self._reap()

    def kill(self) -> None:
        """As `stop`, with SIGKILL."""
        self._signal_sshd(signal.SIGKILL)
        self._reap()

    def cut(self) -> int:
        """Break every connection that there is; new ones are taken. Return how many processes."""
        sessions = self._sshd_processes()[1:]
        kill_all(sessions)
        return len(sessions)

    def freeze(self) -> None:
        """Fall silent: connections stay open and new ones are taken, but nothing answers."""
        self._signal_sshd(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_sshd(signal.SIGCONT)

    def power_off(self) -> None:
        """End it with all that runs on it, detached or not."""
        self.kill()
        kill_all(self.processes())

    def processes(self) -> list[psutil.Process]:
        """What was started through it and still lives, detached or not."""
        return living_with("HOME", str(self.folder))

    def log(self) -> str:
        return (self.etc / "log").read_text()

    def _sshd_processes(self) -> list[psutil.Process]:
        if self._server is None or self._server.poll() is not None:
            return []
        listener = psutil.Process(self._server.pid)
        return [listener, *filter(_is_sshd, listener.children(recursive=True))]

    def _signal_sshd(self, number: signal.Signals) -> None:
        for process in self._sshd_processes():
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue

    def _reap(self) -> None:
        if self._server is not None:
            end(self._server)
            self._server = None

    def _is_up(self) -> bool:
        return is_listening(self.address, self.port)

    def _has_ended(self) -> bool:
        return self._server is None or self._server.poll() is not None

    def _write_config(self) -> None:
        environment = {
            "HOME": str(self.folder),
            "PATH": path_with_python(),
            **self.environment,
        }
        config = CONFIG.format(
            address=self.address,
            port=self.port,
            etc=self.etc,
            use_pam="yes" if needs_pam() else "no",
            environment=" ".join(shlex.quote(f"{k}={v}") for k, v in environment.items()),
            certificate=f"HostCertificate {self.certificate}" if self.certificate.exists() else "",
        )
        (self.etc / "sshd_config").write_text(config)


def own_addresses() -> Iterator[str]:
    """Addresses that other farms of this machine hardly use; Linux needs no set-up for them."""
    if sys.platform != "linux":
        yield from repeat("127.0.0.1")
    first = ipaddress.IPv4Address("127.20.0.1") + secrets.randbelow(200) * 256
    yield from (str(first + number) for number in range(50 * 256))


class SshdFarm:
    """As many hosts as a test asks for; all of them, and all they run, end with the farm."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: list[SshdHost] = []
        self.key = new_key()
        self.identity_path = folder / "id_ed25519"
        self._addresses = own_addresses()
        folder.mkdir(parents=True, exist_ok=True)
        self.identity_path.touch(mode=0o600)
        self.identity_path.write_bytes(self.key.export_private_key("openssh"))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)

    def start(self, count: int = 1, **environment: str) -> list[SshdHost]:
        """Start so many more hosts, in whose sessions these variables are set."""
        return [
            self.start_one(f"web-{len(self.hosts) + 1:02}", **environment) for _ in range(count)
        ]

    def start_one(self, name: str, *, port: int | None = None, **environment: str) -> SshdHost:
        folder, etc = self.folder / name, self.folder / "etc" / name
        folder.mkdir()
        etc.mkdir(parents=True)
        (etc / "authorized_keys").write_text(public_line(self.key) + "\n")
        address = next(self._addresses)
        host = SshdHost(
            name=name,
            address=address,
            port=free_port(address) if port is None else port,
            user=login_name(),
            identity_path=self.identity_path,
            folder=folder,
            etc=etc,
            environment=environment,
        )
        self.hosts.append(host.start())
        return host

    def __getitem__(self, name: str) -> SshdHost:
        return next(host for host in self.hosts if host.name == name)

    def close(self) -> None:
        for host in self.hosts:
            host.power_off()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
