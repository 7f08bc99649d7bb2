"""Archives to test with: tarballs, packages, a signed repository, and a server that plays a mirror and its faults."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import tarfile
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edgetool.platform.debian.pins import Package
from edgetool.platform.process import run_process

CONTENT = b"int answer = 42;\n"
ARCHITECTURE = "riscv64"
SUITE = "trixie"


def link(name: str, to: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, to
    return member


def tarball(path: Path, members: dict[str, bytes], links: Sequence[tarfile.TarInfo] = ()) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for member in links:
            tar.addfile(member)
    return path


def package(path: Path, members: dict[str, bytes], links: Sequence[tarfile.TarInfo] = ()) -> Path:
    """A .deb: an `ar` archive of debian-binary and data.tar.gz, each padded to an even length."""
    data = tarball(path.with_suffix(".tar.gz"), members, links).read_bytes()
    with path.open("wb") as file:
        file.write(b"!<arch>\n")
        for name, content in (("debian-binary", b"2.0\n"), ("odd", b"x"), ("data.tar.gz", data)):
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode())
            file.write(content + b"\n" * (len(content) % 2))
    return path


class Archive:
    """A Debian archive in a folder, with an index that a key of its own signs."""

    def __init__(self, root: Path) -> None:
        self.root = root / "debian"
        self.keyring = root / "keyring.gpg"
        self._home = Path()  # while there is a key
        self._packages: dict[str, tuple[Package, tuple[str, ...]]] = {}

    def add(self, name: str, version: str, *, depends: Sequence[str] = ()) -> Package:
        """Put a package into the pool; another version of it is dropped, as an archive does."""
        if name in self._packages:
            (self.root / self._packages[name][0].path).unlink()
        path = f"pool/main/{name[0]}/{name}/{name}_{version}_{ARCHITECTURE}.deb"
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        data = package(self.root / path, {f"usr/share/{name}": version.encode()}).read_bytes()
        made = Package(
            name=name,
            version=version,
            path=path,
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            needs=tuple(depends),
        )
        self._packages[name] = made, tuple(depends)
        return made

    def sign(self) -> None:
        """Write the index of what is in the pool, and sign it."""
        index = "\n".join(self._stanza(*each) for each in self._packages.values()).encode()
        folder = self.root / "dists" / SUITE
        names = f"main/binary-{ARCHITECTURE}"
        (folder / names).mkdir(parents=True, exist_ok=True)
        packed = gzip.compress(index, mtime=0)
        (folder / names / "Packages.gz").write_bytes(packed)
        sums = "".join(
            f" {hashlib.sha256(data).hexdigest()} {len(data)} {names}/{name}\n"
            for name, data in (("Packages", index), ("Packages.gz", packed))
        )
        head = f"Origin: Test\nSuite: {SUITE}\nCodename: {SUITE}\nDate: Sat, 21 Nov 2026 09:15:44 UTC\n"
        head += f"Architectures: {ARCHITECTURE}\nComponents: main\n"
        (folder / "Release").write_text(f"{head}SHA256:\n{sums}")
        self._gpg("--yes", "--output", str(folder / "InRelease"), "--clearsign", str(folder / "Release"))

    def spoil_index(self) -> None:
        """What is served is no longer what was signed: a mirror in the midst of a sync."""
        path = self.root / "dists" / SUITE / f"main/binary-{ARCHITECTURE}" / "Packages.gz"
        path.write_bytes(gzip.compress(b"Package: older\n", mtime=0))

    @staticmethod
    def _stanza(made: Package, depends: Sequence[str]) -> str:
        fields = {
            "Package": made.name,
            "Version": made.version,
            "Architecture": ARCHITECTURE,
            "Depends": ", ".join(depends),
            "Filename": made.path,
            "Size": made.size_bytes,
            "SHA256": made.sha256,
        }
        return "".join(f"{name}: {field}\n" for name, field in fields.items() if field)

    @contextmanager
    def key(self) -> Iterator[None]:
        with tempfile.TemporaryDirectory(prefix="gnupg-") as home:  # short: its agent's socket lies there
            self._home = Path(home)
            try:
                self._gpg("--passphrase", "", "--quick-gen-key", "archive@example.org", "ed25519", "sign", "never")
                self._gpg("--output", str(self.keyring), "--export")
                yield
            finally:
                run_process(["gpgconf", "--kill", "all"], env={"GNUPGHOME": str(self._home)}, timeout_s=60)

    def _gpg(self, *words: str) -> None:
        done = run_process(["gpg", "--batch", "--homedir", str(self._home), *words], timeout_s=60)
        assert done.exit_code == 0, done.stderr.decode()


class Mirror:
    """A local HTTP server of a folder, with faults: path → those of the next requests, then none."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.faults: dict[str, list[str]] = {}
        self.requests: Counter[str] = Counter()
        self.ranges: list[str] = []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, format: str, *words: object) -> None:
                del format, words

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Mirror:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        name = unquote(urlsplit(request.path).path).lstrip("/")  # a proxy is asked for a whole address
        path = self.root / name
        self.requests[name] += 1
        faults = self.faults.get(name, [])
        fault = faults.pop(0) if faults else ""
        if fault.isdigit() or not path.is_file():
            request.send_error(int(fault or 404))
            return
        data = path.read_bytes()
        if fault == "wrong":
            data = bytes(len(data))
        if fault == "longer":
            data += b"more"
        start = 0
        if (asked := request.headers.get("Range")) and fault != "no ranges":
            self.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        request.send_response(206 if start else 200)
        if fault != "longer":
            request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        data = data[start:]
        match fault:
            case "cut":
                request.wfile.write(data[: len(data) // 2])
            case "slow":
                for at in range(0, len(data), 1 + len(data) // 8):
                    request.wfile.write(data[at : at + 1 + len(data) // 8])
                    request.wfile.flush()
                    time.sleep(0.05)  # what makes it slow
            case "stall":
                request.wfile.write(data[: len(data) // 2])
                request.wfile.flush()
                time.sleep(2)  # longer than the client's patience
            case _:
                request.wfile.write(data)
