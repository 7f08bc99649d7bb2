"""Take a library out of a wheel."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path

from edgetool.platform.process import run_tool
from edgetool.platform.python import PYTHON
from edgetool.platform.store import Store
from edgetool.runtimes.spec import Wheel


def fetch_library(package: str, wheel: Wheel, member: str, library: Path, store: Store) -> None:
    """Write the file `member` of the package's wheel to `library`.

    pip downloads the wheel, since it knows this machine's index, proxies and certificates, and verifies the hash.
    Raises BuildError with pip's log.
    """
    with tempfile.TemporaryDirectory(dir=library.parent) as scratch:
        wanted = Path(scratch) / "requirements.txt"
        wanted.write_text(f"{package}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        places = [f"--platform={wheel.platform}", f"--python-version={wheel.python}", f"--dest={scratch}"]
        run_tool(
            [*PYTHON, "-m", "pip", "download", *options, *places, "--requirement", wanted],
            log=store.root / "logs" / f"wheel-{package}-{wheel.platform}.log",
            timeout_s=600,
        )
        with (
            zipfile.ZipFile(min(Path(scratch).glob("*.whl"))) as packed,
            packed.open(member) as source,
            library.open("wb") as destination,
        ):
            shutil.copyfileobj(source, destination)
