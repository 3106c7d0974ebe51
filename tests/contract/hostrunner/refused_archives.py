"""Archives that are refused, and the words of the reason."""

import gzip
import stat
import tarfile
from typing import Final

from contract.hostrunner.archives import (
    FOLDER,
    NOISE,
    Packed,
    damaged,
    swapped,
    tar_of,
    tgz_of,
    zip_of,
)

TAR: Final = "Error extracting tar archive: "
ZIP: Final = "Error extracting zip archive: "
IS_LINK: Final = {"type": tarfile.SYMTYPE, "linkname": "/etc"}
MANY: Final = tuple((f"f{number}", {}) for number in range(12))


def tar(*members: tuple[str, dict], words: str, **spec) -> Packed:
    return Packed("tar", tar_of(*members), phrase=TAR, words=words, spec=spec)


def zipped(*entries: tuple[str, bytes, int], words: str, system: int = 3, **spec) -> Packed:
    return Packed("zip", zip_of(*entries, system=system), phrase=ZIP, words=words, spec=spec)


def hard(linkname: str) -> dict:
    return {"type": tarfile.LNKTYPE, "linkname": linkname}


REFUSED: Final = {
    "parent": tar(("a/../../x", {}), words="'a/../../x' would be written outside"),
    "absolute": tar(("/etc/x", {}), words="'/etc/x' would be written outside"),
    "through-link": tar(("l", IS_LINK), ("l/x", {}), words="'l/x' would be written through the li"),
    "deep-through-link": tar(
        ("d/l", IS_LINK), ("d/l/e/x", {}), words="'d/l/e/x' would be written through the link 'd/l'"
    ),
    "link-to-inside": tar(
        ("d", FOLDER), ("l", {**IS_LINK, "linkname": "d"}), ("l/x", {}), words="through the link"
    ),
    "below-a-file": tar(("f", {}), ("f/x", {}), words="'f/x' lies below 'f', which is a file"),
    "hard-to-host": tar(("h", hard("/etc/passwd")), words="'h' is a hard link to '/etc/passwd'"),
    "hard-absolute": tar(("f", {}), ("h", hard("/f")), words="no file before it"),
    "hard-to-link": tar(("l", IS_LINK), ("h", hard("l")), words="is no file before it"),
    "hard-to-folder": tar(("d", FOLDER), ("h", hard("d")), words="is no file before it"),
    "hard-to-later": tar(("h", hard("f")), ("f", {}), words="is no file before it"),
    "hard-to-itself": tar(("h", hard("h")), words="is no file before it"),
    "hard-outside": tar(("f", {}), ("h", hard("../f")), words="is no file before it"),
    "hard-outside-by-name": tar(("f", {}), ("../h", hard("f")), words="'../h' would be written"),
    "fifo": tar(("p", {"type": tarfile.FIFOTYPE}), words="'p' is a device, a FIFO"),
    "device": tar(("d", {"type": tarfile.CHRTYPE}), words="'d' is a device, a FIFO"),
    "block": tar(("d", {"type": tarfile.BLKTYPE}), words="'d' is a device, a FIFO"),
    "unheard-of": tar(("d", {"type": b"Z"}), words="'d' is a device, a FIFO or of another kind"),
    "folder-then-file": tar(("x", FOLDER), ("x", {}), words="'x' is a folder and something"),
    "file-then-folder": tar(("x", {}), ("x", FOLDER), words="'x' is a folder and something"),
    "link-then-folder": tar(("x", IS_LINK), ("x", FOLDER), words="'x' is a folder and some"),
    "file-in-place-of-all": tar(("./", {}), words="'./' is a folder and something"),
    "deep": tar(("d/" * 101 + "x", {}), words="lies more than 100 folders deep"),
    "long": tar(("x" * 256, {}), words="has a part of more than 255 bytes in its name"),
    "long-in-all": tar((("y" * 250 + "/") * 30, FOLDER), words="cannot be unpacked (file name"),
    "zero-byte": tar(("x", {"pax_headers": {"path": "a\0b"}}), words="'a\\x00b' has a zero byte"),
    "sparse": tar(("s", {"type": tarfile.GNUTYPE_SPARSE}), words="'s' is a sparse file"),
    "sparse-pax": tar(
        ("s", {"pax_headers": {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}, "data": b"0\n"}),
        words="is a sparse file",
    ),
    "header": tar(
        ("x", {"pax_headers": {"comment": "z" * (1 << 20)}}), words="header of more than 1 MB"
    ),
    "too-large": tar(
        ("a", {"data": NOISE}),
        ("b", {"data": NOISE}),
        words="'b' makes it unpack to more than the limit of 11,000 bytes",
        limits={"unpacked_bytes": 11000},
    ),
    "copies-count": tar(
        ("a", {"data": NOISE}),
        ("b", hard("a")),
        words="'b' makes it unpack to more than the limit of 11,000 bytes",
        limits={"unpacked_bytes": 11000},
    ),
    "too-many": tar(
        *MANY, words="'f10' is one more than the limit of 10 entries", limits={"entries": 10}
    ),
    "too-many-unnamed": tar(
        ("/".join("abcdefghijk") + "/x", {}), words="limit of 10 entries", limits={"entries": 10}
    ),
    "cut": Packed("tgz", gzip.compress(tar_of(("a", {"data": NOISE})))[:-40], {}, TAR, "broken"),
    "cut-tar": Packed("tar", tar_of(("a", {"data": NOISE}))[:3000], {}, TAR, "broken"),
    "cut-header": Packed("tar", tar_of(("a", {}), ("b", {}))[:700], {}, TAR, "broken"),
    "damaged-header": Packed("tar", damaged(tar_of(("a", {}), ("b", {})), 512), {}, TAR, "broken"),
    "damaged-checksum": Packed(
        "tgz", damaged(tgz_of(("a", {"data": NOISE})), -6), {}, TAR, "broken"
    ),
    "garbage-after": Packed("tgz", tgz_of(("a", {})) + b"garbage", {}, TAR, "broken"),
    "plain-as-tgz": Packed("tgz", tar_of(("a", {})), {}, TAR, "broken"),
    "nonsense": Packed("tar", b"nonsense" * 200, {}, TAR, "broken"),
    "nonsense-as-folder": Packed("directory", b"nonsense" * 200, {}, TAR, "broken"),
    "empty": Packed("tar", b"", {}, TAR, "broken"),
    "zip-as-tar": Packed("tar", zip_of(("a", NOISE, 0)), {}, TAR, "broken"),
    "zip-parent": zipped(("../x", b"", 0o644), words="'../x' would be written outside"),
    "zip-absolute": zipped(("/etc/x", b"", 0o644), words="'/etc/x' would be written outside"),
    "zip-through-link": zipped(
        ("l", b"/etc", stat.S_IFLNK | 0o777),
        ("l/x", b"", 0o644),
        words="'l/x' would be written through the link 'l'",
    ),
    "zip-backslashes": zipped(("..\\x", b"", 0), system=0, words="'../x' would be written outside"),
    "zip-fifo": zipped(("p", b"", stat.S_IFIFO | 0o644), words="'p' is a device, a FIFO"),
    "zip-device": zipped(("p", b"", stat.S_IFCHR | 0o644), words="'p' is a device, a FIFO"),
    "zip-socket": zipped(("p", b"", stat.S_IFSOCK | 0o644), words="'p' is a device, a FIFO"),
    "zip-long-link": zipped(
        ("l", b"x" * 4096, stat.S_IFLNK | 0o777), words="'l' is a link with a text of more than"
    ),
    "zip-zero-byte": Packed(
        "zip", swapped(zip_of(("aXb", b"", 0)), b"aXb", b"a\0b"), {}, ZIP, "'a\\x00b' has a zero"
    ),
    "zip-encrypted": Packed(
        "zip",
        swapped(zip_of(("a", b"x", 0)), b"\x14\x03\x14\x00\x00\x00", b"\x14\x03\x14\x00\x01\x00"),
        {},
        ZIP,
        "'a' is encrypted",
    ),
    "zip-other-method": Packed(
        "zip",
        swapped(zip_of(("a", b"x", 0)), b"\x14\x03\x14\x00\0\0\0\0", b"\x14\x03\x14\x00\0\0\x0c\0"),
        {},
        ZIP,
        "'a' has the compression method 12; use deflate",
    ),
    "zip-checksum": Packed("zip", damaged(zip_of(("a", NOISE, 0)), 200), {}, ZIP, "broken"),
    "zip-cut": Packed("zip", zip_of(("a", NOISE, 0))[:-30], {}, ZIP, "broken"),
    "zip-directory": Packed(
        "zip", damaged(zip_of(("a", NOISE, 0)), -22 - 47), {}, ZIP, "directory is damaged"
    ),
    "zip-too-large": zipped(
        ("a", NOISE, 0), words="'a' makes it unpack", limits={"unpacked_bytes": 9000}
    ),
    "zip-too-many": zipped(
        *((name, b"", 0) for name, _ in MANY), words="limit of 10 entries", limits={"entries": 10}
    ),
    "zip-nonsense": Packed("zip", b"nonsense", {}, ZIP, "no zip archive"),
    "tar-as-zip": Packed("zip", tar_of(("a", {})), {}, ZIP, "no zip archive"),
}
