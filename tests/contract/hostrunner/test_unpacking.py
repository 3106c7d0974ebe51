"""No archive leaves the folder that it is unpacked into."""

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from contract.hostrunner.client import GROUP, Bundle, Host, appspec_of, bundle_of


def tar_of(*members: tuple[str, dict], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, fields in members:
            info = tarfile.TarInfo(name)
            data = fields.pop("data", b"")
            info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zip_of(*entries: tuple[str, bytes, int], system: int = 3) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data, mode in entries:
            info = zipfile.ZipInfo(name)
            info.create_system = system
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return out.getvalue()


def unpack(host: Host, bundle: Bundle, **values) -> tuple[Path, str]:
    """Return where the bundle was unpacked, and why not."""
    told = host.run(bundle=bundle, events=["DownloadBundle"], **values)
    archive = host.state / "deployment-root" / GROUP / "d-AAAAAAAA1" / "deployment-archive"
    event = told.event("DownloadBundle")
    assert (event["status"] == "Failed") == (event["message"] != "Succeeded")
    return archive, event["message"]


LINK = {"type": tarfile.SYMTYPE, "linkname": "/etc"}

HOSTILE = {
    "tar, parent": ("tar", tar_of(("a/../../x", {})), "outside of itself, a/../../x"),
    "tar, absolute": ("tar", tar_of(("/etc/x", {})), "outside of itself, /etc/x"),
    "tar, through a link": ("tar", tar_of(("l", LINK), ("l/x", {})), "l, which is a link"),
    "tar, hard link out": (
        "tar",
        tar_of(("h", {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"})),
        "is no file of the bundle",
    ),
    "tar, hard link to a link": (
        "tar",
        tar_of(("l", LINK), ("h", {"type": tarfile.LNKTYPE, "linkname": "l"})),
        "is no file of the bundle",
    ),
    "tar, pipe": ("tar", tar_of(("p", {"type": tarfile.FIFOTYPE})), "is a device, a pipe"),
    "tar, device": ("tar", tar_of(("d", {"type": tarfile.CHRTYPE})), "is a device, a pipe"),
    "tar, folder and file": (
        "tar",
        tar_of(("x", {"type": tarfile.DIRTYPE}), ("x", {})),
        "a folder and a file of the name x",
    ),
    "tgz, cut": ("tgz", bundle_of({"a": os.urandom(9999)}).data[:5000], "cannot be read as tgz"),
    "tgz, plain": ("tgz", tar_of(("a", {})), "cannot be read as tgz"),
    "tar, nonsense": ("tar", b"nonsense" * 200, "cannot be read as tar"),
    "zip, parent": ("zip", zip_of(("../x", b"", 0o644)), "outside of itself, ../x"),
    "zip, absolute": ("zip", zip_of(("/etc/x", b"", 0o644)), "outside of itself, /etc/x"),
    "zip, through a link": (
        "zip",
        zip_of(("l", b"/etc", stat.S_IFLNK | 0o777), ("l/x", b"", 0o644)),
        "l, which is a link",
    ),
    "zip, backslashes": ("zip", zip_of(("..\\x", b"", 0), system=0), "outside of itself"),
    "zip, pipe": ("zip", zip_of(("p", b"", stat.S_IFIFO | 0o644)), "is a device, a pipe"),
    "zip, nonsense": ("zip", b"nonsense", "cannot be read as zip"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_or_broken_archive_is_refused_and_leaves_nothing(host: Host, case):
    kind, data, message = HOSTILE[case]

    archive, why = unpack(host, Bundle(data, kind))

    assert message in why
    assert why.endswith(".")
    assert list(archive.parent.glob("deployment-archive*")) == []


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"unpacked_bytes": 1000}, "unpacks to more than 1000 bytes."),
        ({"entries": 2}, "has more than 2 entries."),
    ],
)
def test_the_limits_hold(host: Host, limits, message):
    bundle = bundle_of(dict.fromkeys("abc", "x" * 400))

    assert unpack(host, bundle, limits=limits)[1] == f"The bundle {message}"


def test_set_id_bits_are_dropped(host: Host):
    archive, _ = unpack(host, bundle_of({"x": ""}, modes={"x": 0o6755}))

    assert stat.S_IMODE((archive / "x").stat().st_mode) == 0o755


def test_links_and_hard_links_within_the_bundle_are_kept(host: Host):
    data = tar_of(
        ("./a", {"data": b"1"}),
        ("l", {"type": tarfile.SYMTYPE, "linkname": "a"}),
        ("h", {"type": tarfile.LNKTYPE, "linkname": "./a"}),
    )

    archive, _ = unpack(host, Bundle(data, "tar"))

    assert str((archive / "l").readlink()) == "a"
    assert (archive / "h").read_bytes() == b"1"


def test_the_later_of_two_entries_wins(host: Host):
    data = tar_of(("a", {"data": b"1"}), ("a", {"data": b"2"}))

    archive, _ = unpack(host, Bundle(data, "tar"))

    assert (archive / "a").read_bytes() == b"2"


def test_a_gzipped_archive_may_call_itself_tar(host: Host):
    archive, _ = unpack(host, Bundle(bundle_of({"a": "1"}).data, "tar"))

    assert (archive / "a").read_text() == "1"


def test_a_zip_of_windows_and_one_of_linux_are_read(host: Host):
    names = (("sub\\a.txt", b"1", 0), ("sub\\", b"", 0))
    archive, _ = unpack(host, Bundle(zip_of(*names, system=0), "zip"))
    other = Host(host.state.parent / "other")
    run = stat.S_IFREG | 0o775
    linux, _ = unpack(other, Bundle(zip_of(("d/", b"", 0o40755), ("d/é", b"2", run)), "zip"))

    assert (archive / "sub" / "a.txt").read_bytes() == b"1"
    assert stat.S_IMODE((linux / "d" / "é").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"top/AppSpec.yml": "", "top/a": ""}, {"AppSpec.yml", "a"}),
        ({"top/a": ""}, {"top"}),
        ({"top/appspec.yml": "", "b": ""}, {"top", "b"}),
        ({"top/next/appspec.yml": ""}, {"top"}),
    ],
)
def test_a_single_top_folder_with_an_appspec_is_stripped(host: Host, files, expected):
    archive, _ = unpack(host, bundle_of(files))

    assert {path.name for path in archive.iterdir()} == expected


def test_scripts_of_a_broken_bundle_never_run(host: Host):
    told = host.run(
        bundle=Bundle(b"nonsense" * 200, "tar"),
        appspec=appspec_of(hooks={"AfterInstall": ["x"]}),
    )

    assert told.outcome == "failed"
    assert told.statuses()["AfterInstall"] == "Skipped"
