"""What a bundle is made of, who signed it, and that it is made the same way twice."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from edgetool.archives import pack_bundle, unpack_bundle
from edgetool.bill import BILL
from edgetool.bundles import MANIFEST, SIGNATURE, Bundle, copy_bundle
from edgetool.errors import BuildError, ConfigError, EdgetoolError
from edgetool.pipeline.deploy import opened
from edgetool.platform.files import sha256_file
from edgetool.platform.process import run_process
from edgetool.platform.store import Store
from edgetool.runtimes.toolchains import build_harness, load_toolchain
from edgetool.signatures import check_signature, sign_bundle
from tests.executors.servers import make_key
from tests.support.bundles import PARSE, script, stub_bundle
from tests.support.commands import run_cli


def bundle_in(folder: Path) -> Bundle:
    return stub_bundle(folder / "bundle", script(folder / "harness", PARSE))


# The bill of materials


def test_the_bill_is_cyclonedx_and_names_each_file_with_its_hash(bundle: Bundle) -> None:
    text = (bundle.root / BILL).read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = {entry.path: entry.sha256 for entry in bundle.manifest.files if entry.path != BILL}
    components = {component["name"]: component for component in json.loads(text)["components"]}
    assert {name: components[name]["hashes"][0]["content"] for name in listed} == listed


def test_the_bill_names_the_licences_of_what_runs(bundle: Bundle) -> None:
    components = {c["name"]: c for c in json.loads((bundle.root / BILL).read_text())["components"]}
    licences = {name: c["licenses"][0]["expression"] for name, c in components.items() if "licenses" in c}
    assert licences[bundle.manifest.runtime.library] == "MIT"
    assert licences["bin/edgetool-harness"] == "Apache-2.0"
    assert {name for name in components if name.startswith("lib/")} <= set(licences)
    models = [c for c in components.values() if c["type"] == "machine-learning-model"]
    assert {model["name"] for model in models} == {model.path for model in bundle.manifest.models}


# Signatures


@pytest.fixture
def signed_bundle(tmp_path: Path) -> tuple[Bundle, Path]:
    """A signed bundle, and the file of allowed signers that its key is in."""
    bundle = bundle_in(tmp_path)
    public = make_key(tmp_path / "key")
    (tmp_path / "allowed").write_text(f"me@here {public}\n")
    sign_bundle(bundle.root, tmp_path / "key")
    return bundle, tmp_path / "allowed"


def test_who_signed_is_told(signed_bundle: tuple[Bundle, Path]) -> None:
    bundle, allowed = signed_bundle
    assert check_signature(bundle.root, allowed) == "me@here"


def test_a_signature_goes_into_the_archive_and_out_of_it(signed_bundle: tuple[Bundle, Path], tmp_path: Path) -> None:
    bundle, allowed = signed_bundle
    packed = pack_bundle(bundle, tmp_path / "x.tar.zst")
    with opened(packed, signers=allowed) as found:
        assert found.manifest == bundle.manifest
    copied = copy_bundle(unpack_bundle(packed, tmp_path / "unpacked"), tmp_path / "copy")
    assert check_signature(copied.root, allowed) == "me@here"


def test_what_is_signed_again_has_one_signature(signed_bundle: tuple[Bundle, Path], tmp_path: Path) -> None:
    bundle, allowed = signed_bundle
    sign_bundle(bundle.root, tmp_path / "key")
    assert check_signature(bundle.root, allowed) == "me@here"


def test_a_changed_bundle_is_refused(signed_bundle: tuple[Bundle, Path]) -> None:
    bundle, allowed = signed_bundle
    manifest = bundle.root / MANIFEST
    manifest.write_text(manifest.read_text().replace('"noise": false', '"noise": true'))
    with pytest.raises(BuildError, match="was changed after me@here signed it"), opened(bundle.root, signers=allowed):
        pass


def test_a_changed_file_is_refused(signed_bundle: tuple[Bundle, Path]) -> None:
    bundle, allowed = signed_bundle
    (bundle.root / bundle.manifest.models[0].path).write_bytes(b"another")
    with pytest.raises(BuildError, match="was changed after packaging"), opened(bundle.root, signers=allowed):
        pass


@pytest.mark.parametrize("kind", ["none", "empty", "a link", "of another", "of another purpose", "huge", "a folder"])
def test_any_other_signature_is_refused(kind: str, signed_bundle: tuple[Bundle, Path], tmp_path: Path) -> None:
    bundle, allowed = signed_bundle
    signature = bundle.root / SIGNATURE
    kept = signature.read_bytes()
    signature.unlink()
    match kind:
        case "empty":
            signature.touch()
        case "a link":
            (tmp_path / "kept").write_bytes(kept)
            signature.symlink_to(tmp_path / "kept")
        case "of another":
            make_key(tmp_path / "other")
            sign_bundle(bundle.root, tmp_path / "other")
        case "of another purpose":
            words = ["ssh-keygen", "-Y", "sign", "-q", "-n", "file", "-f", str(tmp_path / "key")]
            assert run_process([*words, bundle.root / MANIFEST]).exit_code == 0
        case "huge":
            signature.write_bytes(kept + bytes(10**6))
        case "a folder":
            signature.mkdir()
    with pytest.raises(BuildError), opened(bundle.root, signers=allowed):
        pass


@pytest.mark.parametrize("key", ["absent", "empty", "public"])
def test_what_cannot_sign_is_an_error(key: str, tmp_path: Path) -> None:
    bundle = bundle_in(tmp_path)
    (tmp_path / "empty").touch()
    (tmp_path / "public").write_text(make_key(tmp_path / "key"))
    with pytest.raises(ConfigError):
        sign_bundle(bundle.root, tmp_path / key)
    assert not (bundle.root / SIGNATURE).exists()


def test_a_missing_file_of_signers_is_an_error(signed_bundle: tuple[Bundle, Path], tmp_path: Path) -> None:
    with pytest.raises(EdgetoolError, match="allowed signers"):
        check_signature(signed_bundle[0].root, tmp_path / "absent")


def test_the_command_line_signs_and_requires(tiny_path: Path, images_path: Path, tmp_path: Path) -> None:
    (tmp_path / "allowed").write_text(f"me@here {make_key(tmp_path / 'key')}\n")
    words: list[str | Path] = ["package", tiny_path, "--target", "host", "--archive", "--output", tmp_path / "b"]
    words += ["--inputs", images_path]
    assert run_cli(*words, cwd=tmp_path).exit_code == 0
    bench: list[str | Path] = ["bench", tmp_path / "b.tar.zst", "--require-signature", tmp_path / "allowed"]
    bench += ["--target", "host", "--repetitions", "3", "--min-duration", "0"]
    refused = run_cli(*bench, cwd=tmp_path)
    assert refused.exit_code == BuildError.exit_code
    assert b"is not signed" in refused.stderr
    assert run_cli(*words, "--sign", tmp_path / "key", cwd=tmp_path).exit_code == 0
    done = run_cli(*bench, cwd=tmp_path)
    assert done.exit_code == 0, done.stderr.decode()


# The same twice


def test_two_bundles_of_the_same_are_equal_bit_for_bit(tmp_path: Path) -> None:
    archives = []
    for name, umask in (("a", 0o022), ("b", 0o077)):
        (tmp_path / name).mkdir()
        before = os.umask(umask)
        try:
            bundle = bundle_in(tmp_path / name)
        finally:
            os.umask(before)
        archives.append(pack_bundle(bundle, tmp_path / f"{name}.tar.zst").read_bytes())
    assert archives[0] == archives[1]


@pytest.mark.parametrize("triple", ["native", "riscv64-linux-gnu"])
def test_two_harnesses_are_equal_bit_for_bit(triple: str, tmp_path: Path, store: Store) -> None:
    """Compiled in two caches, in folders of other names."""
    toolchain = load_toolchain(triple)
    built = [build_harness(toolchain, Store(tmp_path / name), force=False) for name in ("a", "another")]
    assert sha256_file(built[0]) == sha256_file(built[1])
    assert sha256_file(built[0]) == sha256_file(build_harness(toolchain, store, force=False))
