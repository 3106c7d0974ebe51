"""The floor: one plain script that deploys to all hosts at once, a single session for each.

`fleet_floor.py ORDER`: a JSON file with place, identity, user, known_hosts, bundle and hosts.
"""

import asyncio
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import asyncssh

SCRIPT = """\
set -e
export PLACE={place}/floor
fresh=$PLACE/fresh
rm -rf "$fresh"
mkdir -p "$fresh" "$PLACE/app"
tar -xzf - -C "$fresh"
"$fresh/hooks/ApplicationStop"
"$fresh/hooks/BeforeInstall"
cp -R "$fresh/app/." "$PLACE/app/"
"$fresh/hooks/AfterInstall"
"$fresh/hooks/ApplicationStart"
"$fresh/hooks/ValidateService"
"""


async def deploy(
    host: dict[str, Any], order: dict[str, Any], keys: Any, trusted: Any, bundle: bytes
) -> None:
    script = SCRIPT.format(place=order["place"])
    async with asyncssh.connect(
        host["address"],
        host["port"],
        username=order["user"],
        client_keys=keys,
        known_hosts=trusted,
        agent_path=None,
        config=None,
        kex_algs=["curve25519-sha256"],
        encryption_algs=["aes128-gcm@openssh.com"],
        compression_algs=["none"],
        preferred_auth="publickey",
        connect_timeout=300,
        login_timeout=300,
    ) as connection:
        done = await connection.run(
            f"exec /bin/sh -c {shlex.quote(script)}", input=bundle, encoding=None, check=False
        )
    if done.exit_status != 0:
        raise SystemExit(f"{host['name']}: {done.exit_status} {done.stderr!r}")


async def deploy_to_all(order: dict[str, Any], bundle: bytes) -> float:
    keys = [asyncssh.read_private_key(order["identity"])]
    trusted = asyncssh.read_known_hosts(order["known_hosts"])
    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for host in order["hosts"]:
            group.create_task(deploy(host, order, keys, trusted, bundle))
    return time.monotonic() - begun


def main() -> int:
    order = json.loads(Path(sys.argv[1]).read_text())
    bundle = Path(order["bundle"]).read_bytes()
    print(json.dumps({"seconds": asyncio.run(deploy_to_all(order, bundle))}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
