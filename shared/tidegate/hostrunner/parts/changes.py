"""What a plan changes on the host, in the words of its record."""

import binascii
import json
import os

from tidegate.hostrunner.parts.base import raw, read_file
from tidegate.hostrunner.parts.places import Places
from tidegate.hostrunner.parts.plan import Plan
from tidegate.hostrunner.parts.previous import CONTEXT, list_text
from tidegate.hostrunner.parts.undo import plain_text, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Changes:
    """Under which names things are staged and set aside, and what is to be removed and noted."""

    def __init__(self, plan: Plan, notes: str, folder: str, places: Places) -> None:
        self.plan = plan
        self.previous = plan.previous
        self.places = places
        self.list = notes + "-cleanup"
        self.known_contexts = notes + "-contexts.json"
        self.pointer = notes + "_last_successful_install"
        self.folder = folder
        self.unique, self.count = binascii.hexlify(os.urandom(5)), 0
        new = list(plan.made) + list(plan.copies)
        self.aside = {path: self.temporary(path) for path in new if path in plan.in_the_way}
        self.staged = {path: self.temporary(path) for path in plan.copies}
        self.opened = [
            path
            for path, info in self.previous.gone.items()
            if plan.is_opened(path) and info.st_mode & 0o700 != 0o700 and os.geteuid() != 0
        ]
        self.contexts = {
            step.real: plan.permissions.given[step.real].context_words()
            for step in plan.steps
            if not step.is_link
            and step.real in plan.permissions.given
            and plan.permissions.given[step.real].context
        }
        self.removed = self.to_remove()

    def temporary(self, path: bytes) -> bytes:
        self.count += 1
        return os.path.join(os.path.dirname(path), b".tidegate-%s-%d" % (self.unique, self.count))

    def to_remove(self) -> "list[bytes]":
        """Return, from the bottom up, what is to go once the new revision is in place."""
        gone = [path for path in self.previous.gone if path not in self.plan.renewed]
        others = [name for path, name in self.aside.items() if path not in self.previous.gone]
        return [self.now_at(path) for path in gone] + others

    def now_at(self, path: bytes) -> bytes:
        """Return where *path* lies once all is set aside that is in the way."""
        above = path
        while above != b"/" and above not in self.aside:
            above = os.path.dirname(above)
        return self.aside[above] + path[len(above) :] if above in self.aside else path

    def meanwhile(self) -> bytes:
        """Return the list while the install lasts: whoever cleans up by it leaves nothing."""
        steps = [step.path for step in self.plan.steps]
        return list_text(self.previous.lines + steps + self.removed + list(self.staged.values()))

    def body(self) -> "dict[str, Any]":
        plan = self.plan
        notes = self.notes()
        forgotten = [path for path in self.previous.contexts if path not in self.contexts]
        old = self.old_contexts()
        return {
            "folders": self.folder_states(),
            "made": texts(plan.made),
            "aside": list(zip(texts(self.aside), texts(self.aside.values()))),
            "staged": list(zip(texts(self.staged), texts(self.staged.values()))),
            "contexts": [[path, old.get(path)] for path in texts(self.contexts)],
            "remove": texts(self.removed),
            "forget": texts(forgotten),
            "close": self.to_close(),
            "notes": notes,
            "list": self.list,
            "lists": [
                binascii.crc32(text)
                for text in (self.previous.text, self.meanwhile(), raw(notes[-1][2] or ""))
            ],
        }

    def folder_states(self) -> "list[Any]":
        new = list(self.plan.made) + list(self.plan.copies)
        changed = {os.path.dirname(path) for path in new} - set(self.plan.made)
        changed |= set(self.plan.renewed) | set(self.opened)
        return [[plain_text(path), state_of(self.places.folder(path))] for path in sorted(changed)]

    def to_close(self) -> "list[Any]":
        """Return folders whose mode will keep ourselves out: they get it when all is done."""
        if os.geteuid() == 0:
            return []
        given = self.plan.permissions.given
        modes = {
            step.real: given[step.real].mode
            for step in self.plan.steps
            if step.is_folder and step.real in given
        }
        return [
            [plain_text(path), mode & 0o300]
            for path, mode in reversed(list(modes.items()))
            if mode is not None and mode & 0o300 != 0o300
        ]

    def old_contexts(self) -> "dict[str, list[str]]":
        return json.loads(read_file(self.known_contexts).decode() or "{}")  # type: ignore[no-any-return]

    def notes(self) -> "list[list[Any]]":
        """Return each file that says what is installed, with its text before and after."""
        contexts = {plain_text(path): words for path, words in self.contexts.items()}
        lines = [step.path for step in self.plan.steps]
        lines += [CONTEXT + path for path in self.contexts]
        after = {
            self.pointer: self.folder,
            self.known_contexts: json.dumps(contexts) if contexts else None,
            self.list: plain_text(list_text(lines)),
        }
        return [
            [name, plain_text(read_file(name)) if os.path.exists(name) else None, text]
            for name, text in after.items()
        ]


def texts(paths: "Any") -> "list[str]":
    return [plain_text(path) for path in paths]
