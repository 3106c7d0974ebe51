"""Bundles made from a dictionary: as a folder, or as an archive that may be hostile."""

import io
import json
import os
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["directory", "tar", "tgz", "zip"]
MOMENT = 1_700_000_000


@dataclass(frozen=True)
class File:
    data: bytes | str = b""
    mode: int = 0o644
    uid: int | None = None
    """Whose it is in a tar; the packer's own unless given."""


@dataclass(frozen=True)
class Folder:
    mode: int = 0o755


@dataclass(frozen=True)
class Link:
    text: str


@dataclass(frozen=True)
class HardLink:
    member: str


@dataclass(frozen=True)
class Special:
    type: bytes = tarfile.FIFOTYPE
    """As tar marks it."""


Entry = File | Folder | Link | HardLink | Special
Files = Mapping[str, Entry | bytes | str]


def sh(*lines: str) -> File:
    """A script that any shell can run."""
    return File("\n".join(["#!/bin/sh", *lines, ""]), 0o755)


def appspec(**sections: object) -> str:
    """Write an AppSpec; a hook is a location or an entry."""
    hooks = sections.get("hooks")
    if isinstance(hooks, Mapping):
        sections["hooks"] = {
            event: [{"location": h} if isinstance(h, str) else h for h in entries]
            for event, entries in hooks.items()
        }
    # JSON is YAML, too.
    return json.dumps({"version": 0.0, "os": "linux", **sections}, indent=1)


def pack(files: Files, kind: Kind, path: Path) -> Path:
    """Put *files* into an archive or a folder at *path*."""
    entries = {
        name: each if isinstance(each, Entry) else File(each) for name, each in files.items()
    }
    match kind:
        case "directory":
            _make_folder(entries, path)
        case "zip":
            _make_zip(entries, path)
        case _:
            _make_tar(entries, path, kind)
    return path


def _bytes(entry: File) -> bytes:
    return entry.data.encode() if isinstance(entry.data, str) else entry.data


def _make_folder(entries: Mapping[str, Entry], folder: Path) -> None:
    folder.mkdir()
    for name, entry in entries.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        match entry:
            case File():
                path.write_bytes(_bytes(entry))
                os.utime(path, (MOMENT, MOMENT))
                path.chmod(entry.mode)
            case Folder():
                path.mkdir(exist_ok=True)
                path.chmod(entry.mode)
            case Link():
                path.symlink_to(entry.text)
            case HardLink():
                path.hardlink_to(folder / entry.member)
            case Special():
                os.mkfifo(path)


def _make_tar(entries: Mapping[str, Entry], path: Path, kind: Kind) -> None:
    with tarfile.open(path, "w:gz" if kind == "tgz" else "w") as archive:
        for name, entry in entries.items():
            info = tarfile.TarInfo(name)
            info.mtime, info.uid, info.gid = MOMENT, os.geteuid(), os.getegid()
            data = None
            match entry:
                case File():
                    info.mode, info.size = entry.mode, len(_bytes(entry))
                    info.uid = info.uid if entry.uid is None else entry.uid
                    data = io.BytesIO(_bytes(entry))
                case Folder():
                    info.type, info.mode = tarfile.DIRTYPE, entry.mode
                case Link():
                    info.type, info.linkname = tarfile.SYMTYPE, entry.text
                case HardLink():
                    info.type, info.linkname = tarfile.LNKTYPE, entry.member
                case Special():
                    info.type = entry.type
            archive.addfile(info, data)


def _make_zip(entries: Mapping[str, Entry], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, entry in entries.items():
            info = zipfile.ZipInfo(name, (2023, 11, 14, 22, 13, 20))
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            data = b""
            match entry:
                case File():
                    info.external_attr, data = (0o100000 | entry.mode) << 16, _bytes(entry)
                case Folder():
                    info.filename = f"{name.rstrip('/')}/"
                    info.external_attr = (0o040000 | entry.mode) << 16
                case Link():
                    info.external_attr, data = 0o120777 << 16, entry.text.encode()
                case HardLink():
                    raise ValueError("zip knows no hard links")
                case Special():
                    info.external_attr = 0o010644 << 16
            archive.writestr(info, data)
