"""Which platforms the demo shows, and what each of them needs."""

from enum import StrEnum
from importlib.util import find_spec
from typing import Final

from tidegate_cli.refusal import CannotStart

_STAND_IN: Final = ("moto", "flask", "flask_cors")
"""What the extra `demo` brings."""


class Platform(StrEnum):
    """What `tidegate demo --platform` takes."""

    SERVER = "server"
    LAMBDA = "lambda"
    ECS = "ecs"
    ALL = "all"

    @property
    def shown(self) -> tuple["Platform", ...]:
        """Return the platforms whose story is told, in turn."""
        return (Platform.SERVER, Platform.LAMBDA, Platform.ECS) if self is Platform.ALL else (self,)

    @property
    def has_hosts(self) -> bool:
        return Platform.SERVER in self.shown

    @property
    def needs_aws(self) -> bool:
        return self.shown != (Platform.SERVER,)

    def check(self) -> None:
        """See that what stands in for AWS is installed where it is needed.

        Raises:
            CannotStart: It is not.
        """
        if self.needs_aws and not all(map(find_spec, _STAND_IN)):
            raise CannotStart(
                f"The demo of {self} needs moto, which stands in for AWS; install it with "
                "`pip install 'tidegate[demo]'`, or in a clone with `make install`."
            )
