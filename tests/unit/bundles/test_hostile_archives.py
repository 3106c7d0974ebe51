"""Archives that are broken or mean harm: each is refused with the entry's name."""

import gzip
import io
import re
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.drivers.bundles.archive import BadArchive, Limits, inspect_archive
from tidegate.testing.archives import APPSPEC, appspec, entry, member

SYM, LNK, DIR = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
MIB = 1024 * 1024


def refusal(path: Path, **limits: int) -> str:
    with pytest.raises(BadArchive) as refused:
        inspect_archive(path, limits=Limits(**limits))
    return str(refused.value)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([member("/etc/cron.d/x", b"x")], "'/etc/cron.d/x' would be written outside"),
        ([member("../x", b"x")], "'../x' would be written outside"),
        ([member("a/../../x", b"x")], "'a/../../x' would be written outside"),
        ([member("a/..", type=DIR)], "'a/..' would be written outside"),
        ([member("..", type=SYM, linkname="x")], "'..' would be written outside"),
        (
            [member("l", type=SYM, linkname="/etc"), member("l/x", b"x")],
            "'l/x' would be written through the link 'l'",
        ),
        (
            [member("a/l", type=SYM, linkname="."), member("a/l/b/c", b"x")],
            "'a/l/b/c' would be written through the link 'a/l'",
        ),
        (
            [member("l", type=SYM, linkname="/etc"), member("l", type=DIR)],
            "'l' is a folder and something else too",
        ),
        (
            [member("a/b", b""), member("a", type=SYM, linkname="/etc")],
            "'a' is a folder and something else too",
        ),
        ([member("a", b""), member("a/b", b"")], "'a/b' lies below 'a', which is a file"),
        (
            [member("h", type=LNK, linkname="/etc/passwd")],
            "'h' is a hard link to '/etc/passwd', which is no file before it",
        ),
        ([member("h", type=LNK, linkname="../x")], "'h' is a hard link to '../x'"),
        ([member("h", type=LNK, linkname="later"), member("later")], "'h' is a hard link to"),
        (
            [member("s", type=SYM, linkname="/etc/passwd"), member("h", type=LNK, linkname="s")],
            "'h' is a hard link to 's'",
        ),
        ([member("d", type=DIR), member("h", type=LNK, linkname="d")], "'h' is a hard link to"),
        ([member("dev", type=tarfile.CHRTYPE)], "'dev' is a device, a FIFO or"),
        ([member("dev", type=tarfile.BLKTYPE)], "'dev' is a device, a FIFO or"),
        ([member("pipe", type=tarfile.FIFOTYPE)], "'pipe' is a device, a FIFO or"),
        ([member("x" * 256, b"")], "has a part of more than 255 bytes"),
        ([member("a/" * 101 + "x", b"")], "lies more than 100 folders deep"),
        ([member("./", b"x")], "is a folder and something else too"),
        ([member("e\x1b[31m\nvil/../..", b"")], r"'e\x1b[31m\nvil/../..' would be written"),
    ],
)
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_hostile_tar_is_refused(tar, members, said: str, mode: str):
    sentence = refusal(tar(appspec(), *members, mode=mode))

    assert sentence.startswith("Error extracting tar archive: ")
    assert said in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


FIFO, DEVICE, LINK = stat.S_IFIFO | 0o644, stat.S_IFCHR | 0o644, stat.S_IFLNK | 0o777


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("/etc/x", b"x")], "'/etc/x' would be written outside"),
        ([("../x", b"x")], "'../x' would be written outside"),
        ([(entry("..\\x", system=0), b"x")], "'../x' would be written outside"),
        (
            [(entry("l", mode=LINK), b"/etc"), ("l/x", b"x")],
            "'l/x' would be written through the link 'l'",
        ),
        ([(entry("p", mode=FIFO), b"")], "'p' is a device, a FIFO or"),
        ([(entry("d", mode=DEVICE), b"")], "'d' is a device, a FIFO or"),
        ([(entry("l", mode=LINK), b"x" * 5000)], "'l' is a link with a text of more than"),
        ([("a", b""), ("a/b", b"")], "'a/b' lies below 'a', which is a file"),
    ],
)
def test_a_hostile_zip_is_refused(zipped, members, said: str):
    sentence = refusal(zipped(("appspec.yml", APPSPEC), *members))

    assert sentence.startswith("Error extracting zip archive: ")
    assert said in sentence


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "The bundle is no zip, tar or tgz archive; it is empty."),
        (b"version: 0.0\nos: linux\n" * 100, "The bundle is no zip, tar or tgz archive."),
        (b"\xfd7zXZ\0" + bytes(600), "no zip, tar or tgz archive; it seems to be xz."),
        (b"BZh91AY" + bytes(600), "no zip, tar or tgz archive; it seems to be bzip2."),
        (bytes(100), "The bundle is no zip, tar or tgz archive."),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes, said: str):
    (tmp_path / "x.zip").write_bytes(data)

    assert said in refusal(tmp_path / "x.zip")


def test_a_compressed_text_is_no_tgz(tmp_path: Path):
    (tmp_path / "x").write_bytes(gzip.compress(b"only text\n" * 1000))

    assert refusal(tmp_path / "x").startswith("Error extracting tar archive: the archive is broken")


def test_entries_are_limited(tar, zipped):
    names = [f"f{n}" for n in range(10)]

    said = refusal(tar(*(member(name) for name in names)), entries=9)
    assert "'f9' is one more than the limit of 9 entries" in said

    said = refusal(zipped(*((name, b"") for name in names)), entries=9)
    assert "more than the limit of 9 entries" in said

    said = refusal(tar(member("a/b/c/d/e/f/g/h/i/j/k")), entries=9)
    assert "more than the limit of 9 entries" in said


def test_the_unpacked_size_is_limited(tar, zipped):
    data = bytes(600)

    for path in (tar(member("a", data), member("b", data)), zipped(("a", data), ("b", data))):
        said = refusal(path, unpacked_bytes=1000)
        assert "'b' makes it unpack to more than the limit of 1,000 bytes" in said


def test_hard_links_count_with_the_size_of_their_target(tar):
    links = (member(f"l{n}", type=LNK, linkname="a") for n in range(9))

    assert "limit of 5,000 bytes" in refusal(
        tar(member("a", bytes(1000)), *links), unpacked_bytes=5000
    )


def test_a_size_is_believed_before_it_is_read(tmp_path: Path):
    info, _ = member("big", size=10**12)
    (tmp_path / "x").write_bytes(info.tobuf() + bytes(1024))

    assert "'big' makes it unpack to more than the limit" in refusal(tmp_path / "x")


@pytest.mark.parametrize("size", [2 * MIB, 80 * MIB])
def test_a_bomb_is_recognised_by_its_ratio(tar, zipped, size: int):
    data = bytes(size)
    for path in (
        tar(appspec(), member("a", data), mode="w:gz"),
        zipped(("a", data), ("appspec.yml", APPSPEC)),
    ):
        if size < 64 * MIB:
            assert inspect_archive(path).unpacked_bytes == size + len(APPSPEC)
        else:
            assert "unpacks to more than 250 times its packed size" in refusal(path)


def test_a_bomb_behind_the_end_of_the_tar_is_cut_off(tar, tmp_path: Path):
    data = tar(appspec()).read_bytes()
    (tmp_path / "x").write_bytes(gzip.compress(data + bytes(80 * MIB)))

    assert "unpacks to more than 250 times" in refusal(tmp_path / "x")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_asks_for_memory_is_refused(tmp_path: Path, kind: bytes):
    info, _ = member("x", size=10**10, type=kind)
    (tmp_path / "x").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(2048))

    assert "'x' has a header of more than 1 MB" in refusal(tmp_path / "x")


def test_a_chain_of_headers_is_refused(tmp_path: Path):
    info, _ = member("x", size=0, type=tarfile.XHDTYPE)
    (tmp_path / "x").write_bytes(info.tobuf(tarfile.GNU_FORMAT) * 20_000)

    assert "the archive is broken" in refusal(tmp_path / "x")


def test_a_sparse_file_is_refused(tmp_path: Path):
    info, _ = member("holes", size=0, type=tarfile.GNUTYPE_SPARSE)
    (tmp_path / "x").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))

    assert "'holes' is a sparse file; pack it without --sparse" in refusal(tmp_path / "x")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_that_was_cut_off_is_broken(tar, mode: str):
    path = tar(appspec(), member("a", bytes(range(256)) * 40), mode=mode)
    data = path.read_bytes()
    for size in (530, 600, 1100, 1600, len(data) // 2):
        if size < len(data):
            path.write_bytes(data[:size])
            assert "the archive is broken" in refusal(path)


def test_a_damaged_header_in_mid_archive_is_no_end(tar):
    path = tar(appspec(), member("a", b"x"), member("b", b"y"))
    data = bytearray(path.read_bytes())
    data[2048:2060] = b"damaged name"
    path.write_bytes(data)

    assert "the archive is broken (bad checksum)" in refusal(path)


def test_a_wrong_checksum_is_noticed(zipped, tar):
    path = zipped(("appspec.yml", APPSPEC), ("a", b"some text that is long enough"))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\3\4", 10)
    data[at + 14] ^= 1
    central = data.rindex(b"PK\1\2")
    data[central + 16] ^= 1
    path.write_bytes(data)
    assert "the archive is broken (Bad CRC-32 for file 'a')" in refusal(path)

    path = tar(appspec(), member("a", b"x"), mode="w:gz")
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.write_bytes(data)
    assert "the archive is broken (CRC check failed" in refusal(path)


def test_an_encrypted_zip_is_refused(zipped):
    path = zipped(("appspec.yml", APPSPEC))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)

    assert "'appspec.yml' is encrypted" in refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_python_may_lack_on_hosts_are_refused(tmp_path: Path, method: int):
    with zipfile.ZipFile(tmp_path / "x", "w", method) as archive:
        archive.writestr("appspec.yml", APPSPEC)

    assert f"has the compression method {method}; use deflate" in refusal(tmp_path / "x")


def test_a_directory_that_claims_too_much_is_broken(zipped):
    path = zipped(("appspec.yml", APPSPEC))
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.rindex(b"PK\5\6") + 12, 0xFFFFFF)
    path.write_bytes(data)

    assert "the archive is broken" in refusal(path)


def test_a_large_archive_needs_little_memory(tmp_path: Path):
    path = tmp_path / "x"
    noise = bytes(range(256)) * 4096
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for number in range(60):
            archive.addfile(*_file(f"f{number}", noise))
        archive.addfile(*_file("appspec.yml", APPSPEC))

    tracemalloc.start()
    contents = inspect_archive(path, limits=Limits(ratio=10_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert contents.unpacked_bytes > 60 * MIB
    assert peak < 4 * MIB


def _file(name: str, data: bytes) -> tuple[tarfile.TarInfo, io.BytesIO]:
    return member(name, data)[0], io.BytesIO(data)


def _samples() -> list[bytes]:
    plain, packed = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name in ("appspec.yml", "a", "ü" * 60):
            archive.addfile(*_file(name, APPSPEC * 9))
        archive.addfile(member("l", type=SYM, linkname="a")[0])
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("appspec.yml", APPSPEC * 9)
        archive.writestr("b/c", b"x" * 99)
    return [plain.getvalue(), gzip.compress(plain.getvalue()), packed.getvalue()]


SAMPLES = _samples()
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=12)), max_size=4)


@given(st.sampled_from(SAMPLES), CHANGES, st.floats(0.3, 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_damage_is_refused_or_harmless(tmp_path: Path, sample: bytes, changes, cut: float):
    data = bytearray(sample)
    for place, patch in changes:
        at = int(place * (len(data) - 1))
        data[at : at + len(patch)] = patch
    path = tmp_path / "x"
    path.write_bytes(data[: int(cut * len(data)) + 1])

    try:
        contents = inspect_archive(path)
    except BadArchive as refused:
        sentence = str(refused)
        assert re.fullmatch(r"[^\n]+\.", sentence)
    else:
        assert contents.unpacked_bytes < MIB


def test_an_entry_that_claims_to_lie_before_the_file_is_broken(zipped):
    path = zipped(("appspec.yml", APPSPEC))
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\5\6")
    offset = struct.unpack_from("<L", data, end + 16)[0]
    struct.pack_into("<L", data, end + 16, offset + 100)
    path.write_bytes(data)

    assert "the archive is broken (an entry lies outside of it)" in refusal(path)


def test_many_small_files_are_no_bomb(tmp_path: Path):
    path = tmp_path / "x"
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(*_file("appspec.yml", APPSPEC))
        for number in range(10_000):
            archive.addfile(member(f"f{number}")[0])

    assert inspect_archive(path, limits=Limits(ratio_from=MIB, ratio=50)).entries == 10_001
