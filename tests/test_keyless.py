"""Bundles that are signed by sigstore: by its own client, with an instance of it on this machine."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgetool import keyless
from edgetool.archives import pack_bundle, unpack_bundle
from edgetool.bundles import KEYLESS_SIGNATURE, MANIFEST, Bundle
from edgetool.errors import BuildError, ConfigError
from edgetool.keyless import Signer, sign_keyless
from edgetool.pipeline.deploy import opened
from edgetool.signatures import check_signature
from tests.support.bundles import PARSE, script, stub_bundle
from tests.support.commands import run_cli
from tests.support.sigstore import ISSUER, Instance, instance, token

ME = Signer(identity="me@example.org", issuer=ISSUER)


def trust(there: Instance, path: Path) -> Path:
    path.write_text(json.dumps(there.config()))
    return path


@pytest.fixture(scope="module")
def there() -> Iterator[Instance]:
    with instance() as made:
        yield made


@pytest.fixture(autouse=True)
def environment(there: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGETOOL_TRUST_CONFIG", str(trust(there, tmp_path / "trust.json")))
    monkeypatch.setenv("SIGSTORE_IDENTITY_TOKEN", token("me@example.org"))


@pytest.fixture
def signed(tmp_path: Path) -> Bundle:
    bundle = stub_bundle(tmp_path / "bundle", script(tmp_path / "harness", PARSE))
    sign_keyless(bundle.root)
    return bundle


def test_who_signed_is_told(signed: Bundle) -> None:
    assert check_signature(signed.root, ME) == "me@example.org"


def test_a_signature_goes_into_the_archive_and_out_of_it(signed: Bundle, tmp_path: Path) -> None:
    packed = unpack_bundle(pack_bundle(signed, tmp_path / "x.tar.zst"), tmp_path / "unpacked")
    assert check_signature(packed.root, ME) == "me@example.org"


@pytest.mark.parametrize(
    "other",
    [Signer(identity="you@example.org", issuer=ISSUER), Signer(identity=ME.identity, issuer="https://other.org")],
)
def test_the_signature_of_another_is_refused(other: Signer, signed: Bundle) -> None:
    with pytest.raises(BuildError, match=f"is not signed by {other.identity} of {other.issuer}"):
        check_signature(signed.root, other)


def test_a_changed_bundle_is_refused(signed: Bundle) -> None:
    manifest = signed.root / MANIFEST
    manifest.write_text(manifest.read_text().replace('"noise": false', '"noise": true'))
    with pytest.raises(BuildError, match="is not signed by me@"), opened(signed.root, signers=ME):
        pass


def test_an_instance_that_is_not_trusted_is_refused(signed: Bundle, tmp_path: Path) -> None:
    with instance() as another:
        trust(another, tmp_path / "trust.json")
    with pytest.raises(BuildError, match="is not signed by me@"):
        check_signature(signed.root, ME)


def _log(document: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = document["verificationMaterial"]["tlogEntries"][0]
    return entry


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"{}", b"[" * 100_000, b" " * 300_000], ids=["empty", "binary", "object", "deep", "huge"]
)
def test_what_is_no_signature_is_refused(data: bytes, signed: Bundle) -> None:
    (signed.root / KEYLESS_SIGNATURE).write_bytes(data)
    with pytest.raises(BuildError):
        check_signature(signed.root, ME)


@pytest.mark.parametrize(
    "change",
    [
        lambda doc: _log(doc).update(integratedTime="1"),
        lambda doc: _log(doc).pop("inclusionPromise"),
        lambda doc: _log(doc)["inclusionProof"].update(treeSize="2"),
        lambda doc: _log(doc).update(canonicalizedBody="e30="),
        lambda doc: doc["verificationMaterial"].update(tlogEntries=[]),
        lambda doc: doc["verificationMaterial"]["certificate"].update(rawBytes="AAAA"),
        lambda doc: doc["messageSignature"].update(signature="AAAA"),
    ],
)
def test_a_signature_without_its_witness_is_refused(change: Callable[[dict[str, Any]], Any], signed: Bundle) -> None:
    document = json.loads((signed.root / KEYLESS_SIGNATURE).read_text())
    change(document)
    (signed.root / KEYLESS_SIGNATURE).write_text(json.dumps(document))
    with pytest.raises(BuildError, match="is not signed by"):
        check_signature(signed.root, ME)


def test_a_link_in_the_signatures_place_is_refused(signed: Bundle, tmp_path: Path) -> None:
    (signed.root / KEYLESS_SIGNATURE).rename(tmp_path / "kept")
    (signed.root / KEYLESS_SIGNATURE).symlink_to(tmp_path / "kept")
    with pytest.raises(BuildError, match="is not signed by sigstore"):
        check_signature(signed.root, ME)


# Without a network


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The public instance, behind a proxy that is not there."""
    monkeypatch.delenv("EDGETOOL_TRUST_CONFIG")
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")


def test_signing_without_a_network_names_the_other_way(signed: Bundle, offline: None) -> None:
    del offline
    with pytest.raises(ConfigError, match="cannot sign by sigstore") as raised:
        sign_keyless(signed.root)
    assert raised.value.hint == "sign with an SSH key instead: --sign KEY"


def test_verifying_without_a_network_names_the_trust_root_of_the_last_time(
    signed: Bundle, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del offline
    with pytest.raises(ConfigError, match="cannot verify by sigstore") as raised:
        check_signature(signed.root, ME)
    assert "SIGSTORE_OFFLINE=1" in str(raised.value.hint)
    monkeypatch.setenv("SIGSTORE_OFFLINE", "1")
    with pytest.raises(BuildError, match="is not signed by me@"):  # by the public instance
        check_signature(signed.root, ME)


def test_a_service_that_is_silent_is_given_up(signed: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        document = (tmp_path / "trust.json").read_text()
        url = json.loads(document)["trustedRoot"]["tlogs"][0]["baseUrl"]
        (tmp_path / "trust.json").write_text(document.replace(url, f"http://127.0.0.1:{silent.getsockname()[1]}"))
        monkeypatch.setattr(keyless, "TIMEOUT_S", 0.5)
        with pytest.raises(ConfigError, match="cannot sign by sigstore: TimeoutError"):
            sign_keyless(signed.root)


def test_without_a_token_and_a_terminal_the_variable_is_named(signed: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGSTORE_IDENTITY_TOKEN")
    with pytest.raises(ConfigError, match="nobody is at a terminal") as raised:
        sign_keyless(signed.root)
    assert raised.value.hint == "set SIGSTORE_IDENTITY_TOKEN"


def test_the_command_line_signs_and_requires(tiny_path: Path, images_path: Path, tmp_path: Path) -> None:
    words: list[str | Path] = ["package", tiny_path, "--target", "host", "--inputs", images_path]
    words += ["--output", tmp_path / "b", "--sign", "sigstore"]
    made = run_cli(*words, cwd=tmp_path)
    assert made.exit_code == 0, made.stderr.decode()
    bench: list[str | Path] = ["bench", tmp_path / "b", "--target", "host", "--repetitions", "3", "--min-duration", "0"]
    done = run_cli(*bench, "--require-signer", ME.identity, "--issuer", ISSUER, cwd=tmp_path)
    assert done.exit_code == 0, done.stderr.decode()
    refused = run_cli(*bench, "--require-signer", "you@example.org", "--issuer", ISSUER, cwd=tmp_path)
    assert refused.exit_code == BuildError.exit_code
    assert run_cli(*bench, "--require-signer", ME.identity, cwd=tmp_path).exit_code == ConfigError.exit_code
