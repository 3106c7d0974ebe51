"""The three revisions of the sample application, each as a folder that can be packed."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

TEMPLATE: Final = Path(__file__).with_name("sample")
COLOURS: Final = {1: "#dbeafe", 2: "#dcfce7", 3: "#fee2e2"}
GREETINGS: Final = {"en": "Hello from", "de": "Hallo von", "fr": "Bonjour de", "es": "Hola desde"}
LANGUAGES: Final = ("en", "de", "fr", "es", "en")
"""What the five hosts speak."""
BROKEN: Final = 3
BREAKS_ON: Final = "de"
"""Revision 3 has a mistake: its German greeting is missing, and the second host speaks German."""

# Always the same, so that a revision has the same digest in every run.
_WRITTEN_AT: Final = 1_767_225_600


def greetings_of(revision: int) -> Mapping[str, str]:
    """Return the greetings that a revision knows."""
    forgotten = BREAKS_ON if revision == BROKEN else None
    return {language: text for language, text in GREETINGS.items() if language != forgotten}


def write_revision(revision: int, into: Path) -> Path:
    """Write the folder of a revision and return it."""
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(TEMPLATE, into, ignore=shutil.ignore_patterns("__pycache__"))
    page = {"revision": revision, "colour": COLOURS[revision]}
    (into / "app" / "revision.json").write_text(json.dumps(page))
    (into / "app" / "greetings.json").write_text(json.dumps(greetings_of(revision)))
    for path in into.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.suffix == ".sh" else 0o644)
        os.utime(path, (_WRITTEN_AT, _WRITTEN_AT))
    return into
