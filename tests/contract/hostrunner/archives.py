"""Archives of all kinds, sound and hostile, and a program that unpacks them on any Python."""

import gzip
import io
import json
import os
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidegate.hostrunner import runner_source

FOLDER = {"type": tarfile.DIRTYPE, "mode": 0o755}
NOISE = b"noise" * 2000

UNPACK_ALL = """
import json, os, sys
os.umask(0o022)
sys.path.insert(0, sys.argv[1])
import runner
said = {}
for name, case in json.load(sys.stdin).items():
    target = os.fsencode(case["folder"]) + b"/deployment-archive"
    os.makedirs(os.path.dirname(target))
    try:
        runner.replace_archive(target, os.fsencode(case["bundle"]), case["type"], case["spec"])
        said[name] = ""
    except runner.Failure as failure:
        said[name] = failure.message
json.dump(said, sys.stdout)
"""


@dataclass(frozen=True)
class Packed:
    """An archive, and what becomes of it: a tree, or a message that begins and has these words."""

    type: str
    data: bytes
    tree: Mapping[str, str] = field(default_factory=dict)
    phrase: str = ""
    words: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)


def unpack_all(
    cases: Mapping[str, Packed], folder: Path, python: str, user: int | None = None
) -> dict[str, str]:
    """Unpack every case into a folder of its name, and return why not."""
    (folder / "runner.py").write_bytes(runner_source())
    (folder / "bundles").mkdir()
    orders = {}
    for number, (name, case) in enumerate(cases.items()):
        bundle = folder / "bundles" / str(number)
        bundle.write_bytes(case.data)
        where = {"folder": str(folder / name), "bundle": str(bundle)}
        orders[name] = {**where, "type": case.type, "spec": dict(case.spec)}
    done = subprocess.run(
        [python, "-I", "-S", "-E", "-c", UNPACK_ALL, str(folder)],
        input=json.dumps(orders),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        user=user,
    )
    said: dict[str, str] = json.loads(done.stdout)
    return said


def tree_of(folder: Path) -> dict[str, str]:
    """Describe what lies in a folder, a line for each: `-644 text`, `d755` or `-> text`."""
    return {str(path.relative_to(folder)): _described(path) for path in folder.rglob("*")}


def _described(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    mode = f"{stat.S_IMODE(path.lstat().st_mode):o}"
    if path.is_dir():
        return f"d{mode}"
    return f"-{mode} {path.read_text()}".rstrip()


def tar_of(*members: tuple[str, dict[str, Any]], **options: Any) -> bytes:
    """Pack members; their fields overwrite what the headers would say, `size` too."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **options) as archive:
        for name, given in members:
            fields = dict(given)
            info = tarfile.TarInfo(name)
            data = fields.pop("data", b"")
            info.size = len(data)
            info.uid, info.gid = os.geteuid(), os.getegid()
            for key, value in fields.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def tgz_of(*members: tuple[str, dict[str, Any]]) -> bytes:
    return gzip.compress(tar_of(*members), mtime=0)


def zip_of(*entries: tuple[str, bytes, int], system: int = 3, packed: bool = False) -> bytes:
    """Pack entries of a name, content and Unix mode."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data, mode in entries:
            info = zipfile.ZipInfo(name)
            info.create_system = system
            info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
            archive.writestr(info, data)
            info.external_attr = mode << 16  # also none at all, which zipfile would correct
    return out.getvalue()


def swapped(data: bytes, old: bytes, new: bytes) -> bytes:
    """Put *new* in the place of *old*, which every archive here holds."""
    assert old in data
    return data.replace(old, new)


def damaged(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
