"""What there is to say of an AppSpec: a line for each problem and warning, as compilers do."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tidegate.appspec import AnyAppSpec, InvalidAppSpec, Platform, Problem, one_line, parse_appspec
from tidegate_cli.appspec_files import NAME, AppSpecFile
from tidegate_cli.errors import BadAppSpec
from tidegate_cli.output import on_terminal, say

_WIDEST: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found in an AppSpec."""

    file: AppSpecFile
    appspec: AnyAppSpec | None
    """None where there are problems."""
    problems: tuple[Problem, ...] = ()
    """In the order of the agent's checks."""
    warnings: tuple[Problem, ...] = ()

    @property
    def count(self) -> str:
        """Say how much was found, as in `3 problems, 1 warning`."""
        problems = _counted(len(self.problems), "problem")
        return ", ".join(filter(None, (problems, _counted(len(self.warnings), "warning"))))

    def as_json(self) -> dict[str, object]:
        return {
            "valid": self.appspec is not None,
            "problems": [asdict(problem) for problem in self.problems],
            "warnings": [asdict(warning) for warning in self.warnings],
        }


def check(file: AppSpecFile, platform: Platform = "Server") -> Report:
    """Read an AppSpec and return what was found."""
    appspec: AnyAppSpec | None = None
    problems: tuple[Problem, ...] = ()
    try:
        appspec = parse_appspec(file.text, platform=platform, holds=file.holds)
    except InvalidAppSpec as invalid:
        problems, warnings = invalid.problems, invalid.warnings
    else:
        warnings = appspec.warnings
    if platform == "Server" and file.is_misnamed:
        warnings = (_MISNAMED, *warnings)
    ordered = sorted(warnings, key=lambda one: (one.line, one.column))
    return Report(file=file, appspec=appspec, problems=problems, warnings=tuple(ordered))


_MISNAMED: Final = Problem(
    line=1,
    column=1,
    key="",
    message=f"CodeDeploy and Tidegate look for {NAME} and no other name.",
    hint="Rename the file.",
)


def refuse_problems(report: Report, about: str = "") -> None:
    """Say what was found on stderr, and end where problems are among it.

    Raises:
        BadAppSpec: There are problems.
    """
    lines = report.file.text.decode(errors="replace").splitlines()
    seen = lines if on_terminal(sys.stderr) else None
    for problem in report.problems:
        _say(report.file.name, "", problem, seen)
    for warning in report.warnings:
        _say(report.file.name, "warning: ", warning, seen)
    if report.problems:
        raise BadAppSpec(f"{report.count} in {report.file.name}{about}.")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


def _say(name: str, kind: str, problem: Problem, lines: Sequence[str] | None) -> None:
    place = f"{name}:{problem.line}:{problem.column}: "
    hint = f" {problem.hint}" if problem.hint else ""
    sentence = one_line(f"{problem.message}{hint}")
    if lines is None:
        say(f"{place}{kind}{sentence}")
        return
    colour = "bold magenta" if kind else "bold red"
    text = Text.assemble((place, "bold"), (kind or "problem: ", colour), sentence)
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    console.print(text, soft_wrap=True)
    if problem.line <= len(lines):
        console.print(_excerpt(lines[problem.line - 1], problem.column, colour), soft_wrap=True)


def _excerpt(line: str, column: int, colour: str) -> Text:
    """Return a line of the file, and below it a mark under the column."""
    begin = max(0, column - _WIDEST // 2)
    before = one_line(line[begin : column - 1])
    after = one_line(line[column - 1 : begin + _WIDEST])
    mark = " " * cell_len(before) + "^"
    return Text.assemble(f"  {before}{after}\n  ", (mark, colour))
