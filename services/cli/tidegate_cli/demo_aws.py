"""The demo's side of AWS: where the stand-in is, and who speaks to Tidegate as its functions do."""

import json
from functools import cached_property
from pathlib import Path
from threading import Event, Thread
from typing import IO, Final

from tidegate.domain.access import Role
from tidegate.domain.region import DEFAULT_REGION
from tidegate.engine.access_keys import create_access_key
from tidegate.store.sealing import Seal
from tidegate.testing.aws.place import CodeDeployFace, Place
from tidegate_cli.database import every, free_name, opened
from tidegate_cli.demo_environment import KEY
from tidegate_cli.demo_system import DemoSystem
from tidegate_cli.folder import write_private
from tidegate_cli.refusal import chosen_settings

HOOK_TAKES: Final = 2.0
"""Seconds that a hook looks busy."""


class DemoAws:
    """The stand-in, and Tidegate as AWS's clients see it."""

    def __init__(self, system: DemoSystem) -> None:
        self._system = system
        self.place = Place(
            url=system.stand_in_url,
            region=DEFAULT_REGION,
            access_key_id=KEY,
            secret_access_key=KEY,
        )

    @cached_property
    def face(self) -> CodeDeployFace:
        """Return Tidegate as CodeDeploy; from now on hooks that it calls are answered."""
        file = self._system.data_dir / "demo.key"
        if not file.exists():
            write_private(file, json.dumps(_new_key(self._system.data_dir)))
        key = json.loads(file.read_text())
        face = CodeDeployFace(Place(url=self._system.url, region=DEFAULT_REGION, **key))
        whom = (self._system.calls, face)
        Thread(target=_answer, args=whom, name="demo-functions", daemon=True).start()
        return face


def _new_key(data_dir: Path) -> dict[str, str]:
    settings = chosen_settings(data_dir=data_dir)
    with opened(settings) as store, store.write() as uow:
        name = free_name(Role.ADMIN, {one.name for one in every(uow.access_keys.page)})
        key, secret = create_access_key(name, Role.ADMIN, seal=Seal(settings.secret_keys), uow=uow)
    return {"access_key_id": str(key.id), "secret_access_key": secret}


def _answer(calls: IO[bytes], face: CodeDeployFace) -> None:
    """Say of each hook after a moment that all is well: the stand-in runs no functions."""
    pause = Event()
    for line in calls:
        pause.wait(HOOK_TAKES)
        face.say_of_hook(json.loads(line)["payload"], "Succeeded")
