"""How commands are put together: found by name when they are called, options with many values."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typing_extensions import override

WITH_VALUES: Final = frozenset({"--tag", "--var", "--host", "--env"})
"""Options that may be followed by several values (`--tag env=prod role=web`)."""

MARKUP: Final = "markdown"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is written, and its line in `tidegate --help`."""

    where: str
    help: str
    panel: str


class Command(TyperCommand):
    """A command whose `--tag A=1 B=2` means `--tag A=1 --tag B=2`."""

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        names = sum(param.param_type_name == "argument" for param in self.params)
        valued = {
            flag
            for param in self.params
            if param.param_type_name == "option" and not getattr(param, "is_flag", False)
            for flag in param.opts
        }
        if valued & WITH_VALUES:
            args = list(spread(args, valued, names=names))
        return super().parse_args(ctx, args)


def spread(args: list[str], valued: set[str], *, names: int) -> Iterator[str]:
    """Yield *args* with an option repeated before each further value that belongs to it.

    *valued* are the options that take a value. A word with `=` belongs to the `--tag`, `--var` or
    `--env` before it; any word to the `--host` before it, once *names* words have been said.
    """
    option, value_comes = "", False
    for position, word in enumerate(args):
        if word == "--":
            yield from args[position:]
            return
        if value_comes:
            value_comes = False
        elif word.startswith("-") and word != "-":
            flag, equals, _ = word.partition("=")
            option = flag if flag in WITH_VALUES else ""
            value_comes = flag in valued and not equals
        elif option and (names <= 0 if option == "--host" else "=" in word):
            yield option
        else:
            names -= 1
            option = ""
        yield word


def group(about: str) -> typer.Typer:
    """Return an empty group of commands (`tidegate host …`)."""
    return typer.Typer(
        help=about,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


class Commands(TyperGroup):
    """All commands: each is imported when it is called, so that none waits for the others."""

    places: Mapping[str, Place] = {}

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, place in self.places.items():
            if find_spec(place.where.partition(":")[0]):
                self.commands[name] = TyperCommand(
                    name, help=place.help, rich_help_panel=place.panel
                )

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(self.commands)

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self.places:
            command = load(name, self.places[name].where)
        return name, command, rest


def load(name: str, where: str) -> Any:
    """Import a command: a function, or a group of its own."""
    module, _, attribute = where.partition(":")
    found: Callable[..., Any] | typer.Typer = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        single = group("")
        single.command(name, cls=Command)(found)
        found = single
    return get_command(found)
