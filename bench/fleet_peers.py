"""The other tools that the bench compares, each in an environment of its own."""

import json
from pathlib import Path

from fleet_gauge import Cost, run_gauged
from fleet_work import Host, Hosts

HERE = Path(__file__).parent
DEPLOY = HERE / "fleet_pyinfra.py"
PLAYBOOK = HERE / "fleet_ansible.yml"
FORKS = 50

ANSIBLE = """\
[defaults]
forks = {forks}
gathering = explicit
host_key_checking = True
interpreter_python = /usr/bin/python3
nocows = 1
retry_files_enabled = False
timeout = 120

[ssh_connection]
pipelining = True
control_path_dir = {folder}/cp
ssh_args = {ssh}
"""
SSH = (
    "-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile={known_hosts}"
    " -o StrictHostKeyChecking=yes -o PreferredAuthentications=publickey -o IdentitiesOnly=yes"
)


def program(tool: str, name: str) -> Path:
    """A program of a tool's environment."""
    found = HERE.parent / f".venv-bench-{tool}" / "bin" / name
    if not found.exists():
        raise SystemExit(f"There is no {found}: `make bench-tools` installs it.")
    return found


class Pyinfra:
    """A deploy file: the archive put, and a shell per step."""

    name = "pyinfra"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = program(self.name, "pyinfra")

    def prepare(self, hosts: Hosts) -> None:
        """Write the inventory."""
        known = hosts.write_known_hosts(self._folder / "known_hosts")
        each = [(host.name, self._data(host, hosts, known)) for host in hosts.each]
        (self._folder / "inventory.py").write_text(f"hosts = {each!r}\n")

    def _data(self, host: Host, hosts: Hosts, known_hosts: Path) -> dict[str, object]:
        return {
            "ssh_hostname": host.address,
            "ssh_port": host.port,
            "ssh_user": hosts.user,
            "ssh_key": str(hosts.identity),
            "ssh_known_hosts_file": str(known_hosts),
            "ssh_strict_host_key_checking": "yes",
            "ssh_allow_agent": False,
            "ssh_look_for_keys": False,
            "place": str(hosts.place / self.name),
        }

    def deploy(self, hosts: Hosts, revision: str, data: bytes) -> Cost:
        del hosts, revision
        archive = self._folder / "pyinfra.tgz"
        archive.write_bytes(data)
        # A host goes on to its next step without waiting for the others. How many are in work at
        # once is left to pyinfra: 20 per core was faster here than all of them.
        options = ["--yes", "--no-wait", "--data", f"archive={archive}"]
        command = [str(self._program), *options, str(self._folder / "inventory.py"), str(DEPLOY)]
        return run_gauged(self.name, command, self._folder)[0]


class Ansible:
    """A playbook of eight tasks, with 50 forks."""

    name = "ansible"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = program(self.name, "ansible-playbook")

    def prepare(self, hosts: Hosts) -> None:
        """Write the configuration and the inventory."""
        known = hosts.write_known_hosts(self._folder / "known_hosts")
        ssh = SSH.format(known_hosts=known)
        config = ANSIBLE.format(forks=FORKS, folder=self._folder, ssh=ssh)
        (self._folder / "ansible.cfg").write_text(config)
        each = {
            host.name: {"ansible_host": host.address, "ansible_port": host.port}
            for host in hosts.each
        }
        common = {
            "ansible_user": hosts.user,
            "ansible_ssh_private_key_file": str(hosts.identity),
            "place": str(hosts.place / self.name),
        }
        inventory = {"all": {"hosts": each, "vars": common}}
        (self._folder / "inventory.json").write_text(json.dumps(inventory))

    def deploy(self, hosts: Hosts, revision: str, data: bytes) -> Cost:
        del hosts
        archive = self._folder / "ansible.tgz"
        archive.write_bytes(data)
        given = {"archive": str(archive), "revision": revision}
        options = ["-i", str(self._folder / "inventory.json"), "-e", json.dumps(given)]
        command = [str(self._program), *options, str(PLAYBOOK)]
        return run_gauged(self.name, command, self._folder)[0]
