"""What reads foreign bytes, each as a function of the bytes alone: it returns, or raises an error of ours."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from edgetool.archives import unpack_bundle
from edgetool.boards.facts import parse_facts
from edgetool.bundles import MANIFEST, Manifest, open_bundle
from edgetool.errors import BuildError, CompareError, EdgetoolError, HarnessError
from edgetool.executors.jobs import parse_jobs
from edgetool.harness.attribution import attribute
from edgetool.harness.counts import CountsFile, Stepped, read_counts
from edgetool.harness.result import HarnessResult
from edgetool.measurements.operators import read_profile
from edgetool.models.artifacts import read_artifact
from edgetool.models.coco import find_coco
from edgetool.platform.arrays import read_npz
from edgetool.platform.documents import parse_value, to_json, write_document
from edgetool.platform.foreign import csv_cell, markdown_text, one_line
from edgetool.platform.tar import tarfile
from edgetool.records.compare import compare
from edgetool.records.results import read_recorded, read_run
from edgetool.targets.registry import read_target
from tests.support.bundles import PARSE, result_document, script, stub_bundle
from tests.support.models import tiny_graph
from tests.support.records import emulated_record, instruction_mix, record, recorded, stored_run

Reader = Callable[[bytes, Path], object]


def _archive(data: bytes, folder: Path) -> object:
    import zstandard

    (folder / "x.tar.zst").write_bytes(zstandard.compress(data, 1))
    return unpack_bundle(folder / "x.tar.zst", folder / "unpacked")


def _manifest(data: bytes, folder: Path) -> object:
    parse_value(Manifest, data, where="manifest", error=BuildError)
    (folder / MANIFEST).write_bytes(data)
    return open_bundle(folder, verify=False)


def _record(data: bytes, folder: Path) -> object:
    """What is read is compared, and written again."""
    (folder / "x.json").write_bytes(data)
    found = read_recorded(folder / "x.json")
    write_document(folder / "y.json", found.record)
    return compare(found.record, found.record, baseline_outputs=found.outputs, candidate_outputs=found.outputs)


def _run(data: bytes, folder: Path) -> object:
    (folder / "run.json").write_bytes(data)
    return read_run(folder)


def _result(data: bytes, folder: Path) -> object:
    del folder
    return parse_value(HarnessResult, data, where="result", error=HarnessError)


def _target(data: bytes, folder: Path) -> object:
    (folder / "x.toml").write_bytes(data)
    return read_target(folder / "x.toml")


def _profile(data: bytes, folder: Path) -> object:
    (folder / "profile.json").write_bytes(data)
    with suppress(HarnessError):  # there is no clock that its events would fit
        attribute(folder / "profile.json", (), inferences=1)
    return read_profile(folder / "profile.json", 3)


def _counts(data: bytes, folder: Path) -> object:
    (folder / "counts.json").write_bytes(data)
    return [list(mix.classes()) for mix in read_counts(folder / "counts.json", "x").inferences]


def _arrays(data: bytes, folder: Path) -> object:
    (folder / "x.npz").write_bytes(data)
    return read_npz(folder / "x.npz", error=CompareError)


def _coco(data: bytes, folder: Path) -> object:
    (folder / "truth.json").write_bytes(data)
    Image.new("RGB", (8, 8)).save(folder / "a.png")
    found = find_coco(folder)
    return found and (found.objects(folder, folder / "a.png"), found.mask(folder, folder / "a.png", ignored=255))


def _model(data: bytes, folder: Path) -> object:
    (folder / "x.onnx").write_bytes(data)
    return read_artifact(folder / "x.onnx")


def _said(data: bytes, folder: Path) -> object:
    """What a board says of itself and its jobs, and each sink's escape of it."""
    del folder
    text = data.decode(errors="replace")
    shown = [one_line(text), str(csv_cell(text)), markdown_text(text)]
    assert all(line.isprintable() for line in shown)
    return parse_facts(text), parse_jobs(data)


# name → what reads it, and what it reads well
READERS: Mapping[str, Reader] = {
    "archive": _archive,
    "manifest": _manifest,
    "record": _record,
    "run": _run,
    "result": _result,
    "target": _target,
    "profile": _profile,
    "counts": _counts,
    "arrays": _arrays,
    "coco": _coco,
    "model": _model,
    "said": _said,
}


def read(name: str, data: bytes) -> bool:
    """Whether it was read; whatever else than an error of ours is raised is a find."""
    with tempfile.TemporaryDirectory(prefix="edgetool-fuzz-") as folder:
        try:
            READERS[name](data, Path(folder))
            said = None
        except EdgetoolError as error:
            said = error.message
    if said is not None:
        said.encode()  # it can be printed
    return said is None


@cache
def seeds() -> Mapping[str, tuple[bytes, ...]]:
    """Bytes that each reader accepts, or nearly: where mutation starts."""
    with tempfile.TemporaryDirectory(prefix="edgetool-fuzz-") as name:
        folder = Path(name)
        bundle = stub_bundle(folder / "bundle", script(folder / "harness", PARSE))
        manifest = (bundle.root / MANIFEST).read_bytes()
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in (MANIFEST, *(entry.path for entry in bundle.manifest.files)):
                member = archive.gettarinfo(bundle.root / path, path)
                member.pax_headers = {"mtime": "1.5"}
                with (bundle.root / path).open("rb") as file:
                    archive.addfile(member, file)
        run = (stored_run(folder / "run", recorded(record())) / "run.json").read_bytes()
        arrays = io.BytesIO()
        np.savez_compressed(arrays, names=np.array(["a"]), output_0=np.zeros((2, 3), dtype=np.float32))
    mix = instruction_mix(scalar=3, vector=2, weight=9)
    counts = CountsFile(
        schema=CountsFile.SCHEMA,
        vlen_bits=256,
        inferences=(mix,),
        stepped=(Stepped(elapsed=9, threads=(mix,)),),
        clock=(),
        clock_cut=False,
        blocks=(),
    )
    event = {"cat": "Node", "name": "conv_kernel_time", "dur": 5, "ts": 1, "args": {"op_name": "Conv"}}
    thing = {"image_id": 1, "category_id": 2, "bbox": [0, 0, 4, 4], "segmentation": [[0, 0, 4, 0, 4, 4]]}
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 8}],
        "annotations": [thing, {**thing, "iscrowd": 1, "segmentation": {"counts": [9, 2, 53], "size": [8, 8]}}],
        "categories": [{"id": 2, "name": "thing"}],
    }
    target = (
        b'schema = 1\ndescription = "mine"\ntriple = "native"\n[executor]\nkind = "ssh"\nhost = "me"\nlease_s = 5.0\n'
        b'[benchmark]\nwarmup = 1\ncpus = "0-3"\n[evaluation]\nimages = 3\n'
    )
    return {
        "archive": (tar.getvalue(),),
        "manifest": (manifest,),
        "record": (to_json(record()), to_json(emulated_record())),
        "run": (run,),
        "result": (json.dumps(result_document()).encode(),),
        "target": (target, b'schema = 1\ndescription = ""\ntriple = "native"\nexecutor = {kind = "local"}\n'),
        "profile": (json.dumps([event, event]).encode(),),
        "counts": (to_json(counts),),
        "arrays": (arrays.getvalue(),),
        "coco": (json.dumps(coco).encode(),),
        "model": (tiny_graph().SerializeToString(),),
        "said": (
            b"model=Board\nisa=rv64gcv\nclock_khz=1500000\nload=0.5 1\nthrottle_flags=50005",
            b"0123abcd\x001\x00ended\x000\x00a command\x00me@here\x00" * 2,
        ),
    }


def corpus(name: str) -> tuple[bytes, ...]:
    """What was once a find, and what fuzzing has kept."""
    kept = Path(__file__).parent / "corpus" / name
    return tuple(path.read_bytes() for path in sorted(kept.glob("*")))
