"""Archives: packed reproducibly, unpacked with distrust."""

from __future__ import annotations

import io
import os
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from edgetool.archives import pack_bundle, unpack_bundle
from edgetool.bundles import HARNESS, Bundle, copy_bundle, open_bundle
from edgetool.errors import BuildError
from edgetool.platform.files import file_entries
from edgetool.platform.process import run_process
from tests.support.bundles import script, stub_bundle
from tests.support.waiting import within


@pytest.fixture
def stub(tmp_path: Path) -> Bundle:
    return stub_bundle(tmp_path / "bundle", script(tmp_path / "harness", "exit 0"))


def test_a_bundle_survives_packing_and_unpacking(stub: Bundle, tmp_path: Path) -> None:
    unpacked = unpack_bundle(pack_bundle(stub, tmp_path / "b.tar.zst"), tmp_path / "unpacked")
    assert unpacked.manifest == stub.manifest
    assert file_entries(unpacked.root) == file_entries(stub.root)
    assert os.access(unpacked.root / HARNESS, os.X_OK)


def test_equal_bundles_make_equal_archives(stub: Bundle, tmp_path: Path) -> None:
    copy = copy_bundle(stub, tmp_path / "copy")
    for path in copy.root.rglob("*"):
        os.utime(path, (1, 1))
    archives = [pack_bundle(bundle, tmp_path / f"{i}.tar.zst") for i, bundle in enumerate((stub, copy))]
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_a_pack_that_fails_leaves_nothing(stub: Bundle, tmp_path: Path) -> None:
    (stub.root / "inputs" / "0.bin").unlink()
    (tmp_path / "out").mkdir()
    with pytest.raises(FileNotFoundError):
        pack_bundle(stub, tmp_path / "out" / "b.tar.zst")
    assert not list((tmp_path / "out").iterdir())


def archive(path: Path, fill: Callable[[tarfile.TarFile], object]) -> Path:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        fill(tar)
    path.write_bytes(zstandard.compress(buffer.getvalue()))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> Callable[[tarfile.TarFile], object]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, target, 4 if kind == tarfile.REGTYPE else 0
    return lambda tar: tar.addfile(entry, io.BytesIO(b"evil"))


@pytest.mark.parametrize(
    "fill",
    [
        member("../outside"),
        member("a/../../outside"),
        member("/tmp/outside"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.SYMTYPE, ".."),
        member("link", tarfile.LNKTYPE, "../outside"),
        member("device", tarfile.CHRTYPE),
        member("device", tarfile.BLKTYPE),
        member("pipe", tarfile.FIFOTYPE),
        member("folder", tarfile.DIRTYPE),
    ],
)
def test_a_hostile_member_is_refused_and_nothing_is_written(
    tmp_path: Path, fill: Callable[[tarfile.TarFile], object]
) -> None:
    hostile = archive(tmp_path / "hostile.tar.zst", fill)
    (tmp_path / "deep").mkdir()
    with pytest.raises(BuildError, match="which is not a plain file inside it"):
        unpack_bundle(hostile, tmp_path / "deep" / "unpacked")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "hostile.tar.zst"]
    assert not list((tmp_path / "deep").iterdir())


def test_an_archive_that_is_no_bundle_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    plain = archive(tmp_path / "plain.tar.zst", member("innocent"))
    with pytest.raises(BuildError):
        unpack_bundle(plain, tmp_path / "unpacked")
    assert list(tmp_path.iterdir()) == [plain]


def test_a_file_and_a_folder_of_one_name_are_refused(tmp_path: Path) -> None:
    both = archive(tmp_path / "both.tar.zst", lambda tar: (member("a")(tar), member("a/b")(tar)))
    with pytest.raises(BuildError, match="cannot unpack"):
        unpack_bundle(both, tmp_path / "unpacked")


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    many = archive(tmp_path / "many.tar.zst", lambda tar: [member(str(i))(tar) for i in range(10_050)])
    with within(60), pytest.raises(BuildError, match="more than 10000 files"):
        unpack_bundle(many, tmp_path / "unpacked")


def test_a_size_beyond_all_reason_is_refused(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("large")
    entry.size = 17 * 1024**3
    (tmp_path / "large.tar.zst").write_bytes(zstandard.compress(entry.tobuf()))
    with within(30), pytest.raises(BuildError, match="16 GiB"):
        unpack_bundle(tmp_path / "large.tar.zst", tmp_path / "unpacked")


@pytest.mark.parametrize("cut", [0, 10, 2000, -10])
def test_a_truncated_archive_is_refused_and_leaves_nothing(stub: Bundle, tmp_path: Path, cut: int) -> None:
    whole = pack_bundle(stub, tmp_path / "b.tar.zst").read_bytes()
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "b.tar.zst").write_bytes(whole[:cut])
    with pytest.raises(BuildError):
        unpack_bundle(tmp_path / "cut" / "b.tar.zst", tmp_path / "cut" / "unpacked")
    assert [path.name for path in (tmp_path / "cut").iterdir()] == ["b.tar.zst"]


@pytest.mark.parametrize("data", [b"", b"nonsense", b"PK\3\4", zstandard.compress(b"nonsense" * 1000)])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b.tar.zst").write_bytes(data)
    with pytest.raises(BuildError):
        unpack_bundle(tmp_path / "b.tar.zst", tmp_path / "unpacked")


def test_an_archive_whose_file_was_changed_is_refused(stub: Bundle, tmp_path: Path) -> None:
    changed = copy_bundle(stub, tmp_path / "changed")
    (changed.root / "inputs" / "0.bin").write_bytes(bytes(len((stub.root / "inputs" / "0.bin").read_bytes())))
    with pytest.raises(BuildError, match="was changed after packaging"):
        unpack_bundle(pack_bundle(changed, tmp_path / "b.tar.zst"), tmp_path / "unpacked")
    assert not (tmp_path / "unpacked").exists()


def test_a_folder_that_is_there_is_not_overwritten(stub: Bundle, tmp_path: Path) -> None:
    packed = pack_bundle(stub, tmp_path / "b.tar.zst")
    with pytest.raises(BuildError, match="cannot unpack"):
        unpack_bundle(packed, stub.root)
    assert open_bundle(stub.root) == stub


# Unpacks argv[1] with 600 MB of memory more than it has, and prints the error's type.
UNPACK = """
import resource, sys
from pathlib import Path
from edgetool.archives import unpack_bundle
import zstandard
pages = int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 600_000_000,) * 2)
try:
    unpack_bundle(Path(sys.argv[1]), Path(sys.argv[1]).with_name("unpacked"))
except BaseException as error:
    print(type(error).__name__)
"""


def test_a_small_archive_of_a_large_header_fills_no_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("header")
    header.type, header.size = tarfile.XHDTYPE, 1024**3
    path = tmp_path / "bomb.tar.zst"
    with path.open("wb") as file, zstandard.ZstdCompressor(level=1).stream_writer(file) as stream:
        stream.write(header.tobuf())
        for _ in range(1024):
            stream.write(b"1" * 1024**2)
    done = run_process([sys.executable, "-c", UNPACK, path], timeout_s=60)
    assert done.stdout == b"BuildError\n", done.stderr.decode()


def extension(kind: bytes, body: bytes) -> bytes:
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = kind, len(body)
    return entry.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % tarfile.BLOCKSIZE)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_too_many_headers_before_a_file_are_refused(kind: bytes, tmp_path: Path) -> None:
    body = b"name\0" if kind == tarfile.GNUTYPE_LONGNAME else b"9 path=a\n"
    many = extension(kind, body) * 5000 + extension(tarfile.REGTYPE, b"x") + bytes(1024)
    (tmp_path / "many.tar.zst").write_bytes(zstandard.compress(many))
    with within(60), pytest.raises(BuildError, match="too many headers before a file"):
        unpack_bundle(tmp_path / "many.tar.zst", tmp_path / "unpacked")
    assert [path.name for path in tmp_path.iterdir()] == ["many.tar.zst"]


def test_headers_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    """Each is small, and tarfile keeps them all."""
    compressor = zstandard.ZstdCompressor().compressobj()
    with (tmp_path / "large.tar.zst").open("wb") as file:
        for number in range(1000):
            comment = b" comment%d=" % number + b"x" * 60_000
            header = extension(tarfile.XGLTYPE, b"%d%s\n" % (len(comment) + 6, comment))
            entry = tarfile.TarInfo(str(number))
            file.write(compressor.compress(header + entry.tobuf(tarfile.USTAR_FORMAT)))
        file.write(compressor.flush())
    with within(180), pytest.raises(BuildError, match="MiB of headers"):
        unpack_bundle(tmp_path / "large.tar.zst", tmp_path / "unpacked")


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    headers = {"GNU.sparse.size": str(2**33), "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,4"}

    def fill(tar: tarfile.TarFile) -> None:
        entry = tarfile.TarInfo("large")
        entry.size, entry.pax_headers = 4, headers
        tar.addfile(entry, io.BytesIO(b"evil"))

    with pytest.raises(BuildError, match="not a plain file"):
        unpack_bundle(archive(tmp_path / "sparse.tar.zst", fill), tmp_path / "unpacked")
