"""A container engine of our own: Debian's dockerd, with its data below .venv."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from compose.steps import ROOT, run
from parts.processes import end, ending_with_us, wait_until

CACHE = ROOT / ".venv" / "compose"
IMAGES = Path(__file__).with_name("images")
BASE = "tidegate-test/base"
OTHERS = ("host", "postgres", "redis", "rabbitmq", "caddy", "prometheus")
LEFT_OUT = ("doc", "man", "locale", "info")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


class Engine:
    """One daemon for one run; what it has built is there again in the next one."""

    def __init__(self) -> None:
        # Below /tmp, as the path of a socket must be short.
        self._folder = Path(tempfile.mkdtemp(prefix="tide-engine-", dir="/tmp"))
        self._daemon: subprocess.Popen[bytes] | None = None
        # The one of the daemon's own age: a newer one builds only with a plugin.
        self._cli = shutil.which("docker", path=f"/usr/bin:{os.environ['PATH']}") or "docker"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DOCKER_HOST": f"unix://{self._folder}/engine.sock",
            "DOCKER_BUILDKIT": "1",
        }

    def docker(self, *words: str) -> str:
        return run([self._cli, *words], environment=self.environment)

    def __enter__(self) -> Self:
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [
            "dockerd",
            *("--data-root", str(CACHE / "data"), "--exec-root", str(self._folder / "exec")),
            *("--pidfile", str(self._folder / "pid"), "-H", f"unix://{self._folder}/engine.sock"),
            # No bridge for all: another engine on this machine may have one of that name.
            *("--bridge", "none", "--oom-score-adjust", "0"),
            *("--default-ulimit", "nofile=20000"),
        ]
        with (CACHE / "engine.log").open("wb") as log:
            self._daemon = subprocess.Popen(ending_with_us(command), stdout=log, stderr=log)
        wait_until(self._answers, within=60, what=f"dockerd answers; see {CACHE / 'engine.log'}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._daemon is not None:
            end(self._daemon, within=60)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        asked = [self._cli, "version"]
        done = subprocess.run(asked, env=self.environment, capture_output=True, check=False)
        return done.returncode == 0

    def build(self) -> str:
        """Build all images, none of them from a registry, and return the size of ours."""
        if not self.docker("images", "-q", BASE):
            self._import_base()
        for name in OTHERS:
            self._build(IMAGES / f"{name}.Dockerfile", IMAGES, f"tidegate-test/{name}")
        self._build(ROOT / "deploy/Dockerfile", ROOT, "tidegate-test/tidegate")
        size = self.docker("image", "inspect", "-f", "{{.Size}}", "tidegate-test/tidegate")
        assert int(size) < 300_000_000, f"the image has {size} bytes"
        return f"{int(size) / 1e6:.0f} MB"

    def _build(self, dockerfile: Path, context: Path, tag: str) -> None:
        mirror = os.environ.get("PIP_INDEX_URL")
        arguments = [f"BASE={BASE}", *([f"PIP_INDEX_URL={mirror}"] if mirror else [])]
        words = [word for argument in arguments for word in ("--build-arg", argument)]
        self.docker(
            *("build", "-q", "--network", "host", "-f", str(dockerfile), "-t", tag),
            *(*words, str(context)),
        )

    def _import_base(self) -> None:
        """Make a Debian with Python, as there is no registry that has one."""
        archive = CACHE / "base.tar"
        run(
            [
                *("mmdebstrap", "--variant=minbase", "--quiet"),
                "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr",
                "--include=usr-is-merged,ca-certificates,python3,python3-venv,netbase",
                *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in LEFT_OUT),
                '--aptopt=APT::Install-Recommends "false"',
                # Whom this machine trusts, as what is installed may come by way of a mirror.
                f"--customize-hook=copy-in {CERTIFICATES} {Path(CERTIFICATES).parent}",
                *("bookworm", str(archive)),
            ]
        )
        trusting = f"ENV PIP_CERT={CERTIFICATES}"
        self.docker("import", "--change", trusting, "--change", 'CMD ["sh"]', str(archive), BASE)
        archive.unlink()
