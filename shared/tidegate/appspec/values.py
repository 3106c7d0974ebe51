"""What an AppSpec says, as frozen values."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

from typing_extensions import override

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Platform: TypeAlias = Literal["Server", "Lambda", "ECS"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in an AppSpec, or worth a second look, and where it stands."""

    line: int
    """Counted from 1."""
    column: int
    """Counted from 1, in characters."""
    key: str
    """The way to it, as in `hooks.AfterInstall[0].timeout`; empty for the whole file."""
    message: str
    """The agent's own text where the agent has one."""
    hint: str = ""
    """What to do about it, when the message does not say."""

    @override
    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}"
        where = f"{place}, {self.key}" if self.key else place
        end = "" if self.message.endswith((".", "?")) else "."
        return f"{where}: {self.message}{end}{' ' if self.hint else ''}{self.hint}"


def warnings_of(problems: Iterable[Problem]) -> dict[str, Json]:
    """Return the part of an AppSpec's JSON that says what is doubtful, if anything is.

    Each is one line, `line 5, column 9, key: …`. Hosts get them apart, for Install's log.
    """
    texts: list[Json] = [one_line(str(problem)) for problem in sorted(problems, key=_place)]
    return {"warnings": texts} if texts else {}


def _place(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column


def one_line(text: str) -> str:
    """Return *text* without what would break a line or steer a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """One entry of `files`. What is no text passes here, as in the agent, and fails at Install."""

    source: Json
    destination: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One script of a hook."""

    location: str
    timeout: int = 3600
    """Seconds."""
    runas: str | None = None
    """The empty text is root, as in the agent."""
    sudo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """An SELinux context."""

    type: str
    user: str | None = None
    range: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One entry of `permissions`."""

    object: str
    pattern: str = "**"
    except_: tuple[str, ...] = ()
    type: tuple[str, ...] = ("file", "directory")
    owner: str | None = None
    group: str | None = None
    mode: str | None = None
    """Three or four octal digits."""
    acls: tuple[str, ...] = ()
    """Each as `[default:]user|group|mask|other:[name]:rwx`."""
    context: Context | None = None

    def as_json(self) -> dict[str, Json]:
        body = asdict(self)
        body["except"] = list(body.pop("except_"))
        body["type"] = list(self.type)
        body["acls"] = list(self.acls)
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSpec:
    """The AppSpec of a bundle for servers, checked and normalised."""

    version: float = 0.0
    os: str = "linux"
    file_exists_behavior: str | None = None
    files: tuple[FileMapping, ...] = ()
    permissions: tuple[Permission, ...] = ()
    hooks: Mapping[str, tuple[Script, ...]] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = field(default=(), compare=False)
    """What is allowed and yet hardly meant."""

    def as_json(self) -> dict[str, Json]:
        """Return the plain JSON in which an AppSpec is kept and sent to hosts."""
        return {
            "version": self.version,
            "os": self.os,
            "file_exists_behavior": self.file_exists_behavior,
            "files": [asdict(mapping) for mapping in self.files],
            "permissions": [permission.as_json() for permission in self.permissions],
            "hooks": {
                event: [asdict(script) for script in scripts]
                for event, scripts in self.hooks.items()
            },
            **warnings_of(self.warnings),
        }
