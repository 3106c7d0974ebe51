"""Archives that are fine, and what lies there when they are unpacked."""

import gzip
import stat
import tarfile
from typing import Final

from contract.hostrunner.archives import FOLDER, NOISE, Packed, swapped, tar_of, tgz_of, zip_of

FILE: Final = stat.S_IFREG
IS_LINK: Final = {"type": tarfile.SYMTYPE, "linkname": "/etc"}
HARD: Final = {"type": tarfile.LNKTYPE, "linkname": "a"}
SETID: Final = (
    ("d", {**FOLDER, "mode": 0o2775}),
    ("d/x", {"mode": 0o6755}),
    ("y", {"mode": 0o1644}),
)

SOUND: Final = {
    "plain": Packed("tar", tar_of(("a", {"data": b"1"})), {"a": "-644 1"}),
    "gzipped-as-tar": Packed("tar", tgz_of(("a", {"data": b"1"})), {"a": "-644 1"}),
    "gzipped": Packed("tgz", tgz_of(("a", {"data": b"1"})), {"a": "-644 1"}),
    "gzipped-twice": Packed("tgz", tgz_of(("a", {})) + gzip.compress(b"\0" * 512), {"a": "-644"}),
    "modes": Packed(
        "tar",
        tar_of(("x", {"mode": 0o777}), ("w", {"mode": 0o620}), ("d", {**FOLDER, "mode": 0o500})),
        {"x": "-777", "w": "-620", "d": "d700"},
    ),
    "closed-folder": Packed(
        "tar",
        tar_of(("d", {**FOLDER, "mode": 0}), ("d/e", {**FOLDER, "mode": 0o55}), ("d/e/f", {})),
        {"d": "d700", "d/e": "d755", "d/e/f": "-644"},
    ),
    "setid": Packed("tar", tar_of(*SETID), {"d": "d775", "d/x": "-755", "y": "-644"}),
    "setid-allowed": Packed(
        "tar",
        tar_of(*SETID),
        {"d": "d2775", "d/x": "-6755", "y": "-1644"},
        spec={"allow_setid": True},
    ),
    "links": Packed(
        "tar",
        tar_of(
            ("abs", IS_LINK),
            ("up", {**IS_LINK, "linkname": "../../x"}),
            ("dangling", {**IS_LINK, "linkname": "nowhere"}),
            ("self", {**IS_LINK, "linkname": "self"}),
        ),
        {"abs": "-> /etc", "up": "-> ../../x", "dangling": "-> nowhere", "self": "-> self"},
    ),
    "link-replaced": Packed(
        "tar", tar_of(("l", IS_LINK), ("l", {"data": b"own"})), {"l": "-644 own"}
    ),
    "later-wins": Packed(
        "tar", tar_of(("a", {"data": b"long"}), ("./a", {"data": b"2"})), {"a": "-644 2"}
    ),
    "hard": Packed(
        "tar",
        tar_of(("./a", {"data": b"1", "mode": 0o755}), ("d/h", {**HARD, "linkname": "./a"})),
        {"a": "-755 1", "d": "d755", "d/h": "-755 1"},
    ),
    "hard-of-the-first": Packed(
        "tar",
        tar_of(("a", {"data": b"1"}), ("h", HARD), ("a", {"data": b"2"})),
        {"a": "-644 2", "h": "-644 1"},
    ),
    "hard-to-what-is-there": Packed(
        "tar", tar_of(("a", {"data": b"1"}), ("a", HARD)), {"a": "-644 1"}
    ),
    "the-folder-itself": Packed("tar", tar_of(("./", FOLDER), ("./a", {})), {"a": "-644"}),
    "strange-times": Packed(
        "tar", tar_of(("a", {"pax_headers": {"mtime": "1e30"}})), {"a": "-644"}
    ),
    "nothing": Packed("tar", tar_of(), {}),
    "gnu-long-names": Packed(
        "tar", tar_of(("n" * 200, {"data": b"1"}), format=tarfile.GNU_FORMAT), {"n" * 200: "-644 1"}
    ),
    "utf-8": Packed("tar", tar_of(("läuft/é", {})), {"läuft": "d755", "läuft/é": "-644"}),
    "stripped": Packed(
        "tar", tar_of(("top/AppSpec.yml", {}), ("top/a", {})), {"AppSpec.yml": "-644", "a": "-644"}
    ),
    "stripped-by-any-appspec": Packed(
        "tgz",
        tgz_of(("top/my-appspec.bak/x", {})),
        {"my-appspec.bak": "d755", "my-appspec.bak/x": "-644"},
    ),
    "not-stripped": Packed("tar", tar_of(("top/a", {})), {"top": "d755", "top/a": "-644"}),
    "not-stripped-with-another": Packed(
        "tar",
        tar_of(("top/appspec.yml", {}), ("b", {})),
        {"top": "d755", "top/appspec.yml": "-644", "b": "-644"},
    ),
    "not-stripped-twice": Packed(
        "zip",
        zip_of(("a/b/appspec.yml", b"", 0o644)),
        {"a": "d755", "a/b": "d755", "a/b/appspec.yml": "-644"},
    ),
    "stripped-once": Packed(
        "zip",
        zip_of(("appspec/appspec/appspec.yml", b"", 0o644)),
        {"appspec": "d755", "appspec/appspec.yml": "-644"},
    ),
    "not-stripped-through-link": Packed(
        "tar", tar_of(("l", {**IS_LINK, "linkname": "/"})), {"l": "-> /"}
    ),
    "folder": Packed(
        "directory",
        tar_of(
            ("top/appspec.yml", {}), ("top/x", {"mode": 0o775}), ("d", {**FOLDER, "mode": 0o777})
        ),
        {"top": "d755", "top/appspec.yml": "-644", "top/x": "-755", "d": "d755"},
    ),
    "folder-of-another-umask": Packed(
        "directory",
        tar_of(("x", {"mode": 0o666}), ("y", {"mode": 0o4777})),
        {"x": "-660", "y": "-770"},
        spec={"umask": 0o007},
    ),
    "zip": Packed(
        "zip",
        zip_of(
            ("d/", b"", stat.S_IFDIR | 0o775), ("d/é", b"2", FILE | 0o775), ("w", b"", FILE | 0o666)
        ),
        {"d": "d775", "d/é": "-775 2", "w": "-666"},
    ),
    "zip-setid": Packed("zip", zip_of(("x", b"", FILE | 0o6755)), {"x": "-755"}),
    "zip-packed": Packed(
        "zip", zip_of(("a", NOISE, FILE | 0o600), packed=True), {"a": "-600 " + NOISE.decode()}
    ),
    "zip-links": Packed(
        "zip",
        zip_of(("l", b"/etc/passwd", stat.S_IFLNK | 0o777), ("m", b"no", stat.S_IFLNK | 0o777)),
        {"l": "-> /etc/passwd", "m": "-> no"},
    ),
    "zip-windows": Packed(
        "zip",
        zip_of(("sub\\a.txt", b"1", 0o600), ("sub\\deep\\", b"", 0), ("x", b"", 0o755), system=0),
        {"sub": "d755", "sub/a.txt": "-600 1", "sub/deep": "d755", "x": "-644"},
    ),
    "zip-windows-link": Packed("zip", zip_of(("l", b"t", 0o120777), system=0), {"l": "-644 t"}),
    "zip-unix-backslash": Packed("zip", zip_of(("a\\b", b"1", 0o644)), {"a\\b": "-644 1"}),
    "zip-later-wins": Packed(
        "zip",
        swapped(zip_of(("aXc", b"1", 0o644), ("abc", b"2", 0o644)), b"aXc", b"abc"),
        {"abc": "-644 2"},
    ),
    "zip-no-attributes": Packed(
        "zip", zip_of(("d/", b"", 0), ("d/a", b"", 0)), {"d": "d755", "d/a": "-644"}
    ),
    "zip-nothing": Packed("zip", zip_of(), {}),
}
