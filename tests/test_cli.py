"""The command line: what it prints, what it returns, and that nothing is left of what was interrupted."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from typer.core import TyperArgument
from typer.testing import CliRunner

from edgetool import __version__
from edgetool.bundles import Bundle, copy_bundle
from edgetool.cli import INTERRUPTED_EXIT_CODE, app
from edgetool.commands.tree import Command, commands
from edgetool.errors import EXIT_CODES, EdgetoolError
from edgetool.models.spec import ModelArtifact
from edgetool.platform.process import run_process
from edgetool.targets.registry import target_files
from tests.answers import check_answer
from tests.support.commands import command_lines, run_cli, start_cli
from tests.support.models import save_model, tiny_graph
from tests.support.waiting import within

PLAIN = {"show", "remove"}  # commands whose argument is all there is to say
WHOLE = 'schema = 1\ndescription = "mine"\ntriple = "native"\n[executor]\nkind = "local"\n'


@pytest.fixture(scope="module")
def runner() -> CliRunner:
    return CliRunner()


def subclasses(error: type[EdgetoolError]) -> Iterator[type[EdgetoolError]]:
    yield error
    for below in error.__subclasses__():
        yield from subclasses(below)


COMMANDS = dict(commands(cast(Command, typer.main.get_command(app))))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help(runner: CliRunner, words: tuple[str, ...]) -> None:
    result = runner.invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


@pytest.mark.parametrize(
    "words", [words for words, command in COMMANDS.items() if command.params and words], ids=" ".join
)
def test_an_example_in_the_help_is_what_the_command_takes(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    _, example, line = (command.help or "").partition("Example: edgetool ")
    if not example:
        assert not any(isinstance(param, TyperArgument) for param in command.params) or words[-1] in PLAIN
        return
    given = shlex.split(line)
    assert tuple(given[: len(words)]) == words
    command.make_context(words[-1], given[len(words) :])


def test_the_help_names_every_exit_code(runner: CliRunner) -> None:
    codes = {error.exit_code for error in subclasses(EdgetoolError)} | {0, INTERRUPTED_EXIT_CODE}
    assert codes == set(EXIT_CODES)
    said = " ".join(runner.invoke(app, ["--help"]).output.split())
    assert all(f"{code} {meaning}" in said for code, meaning in EXIT_CODES.items())


def test_the_version_is_printed(runner: CliRunner) -> None:
    assert runner.invoke(app, ["--version"]).output.strip() == f"edgetool {__version__}"


def failing(*words: str | Path, code: int, **options: Any) -> str:
    """What a command that must fail says: steps that were done, then the error."""
    done = run_cli(*words, **options)
    text = done.stderr.decode()
    assert done.exit_code == code, text
    assert "Traceback" not in text
    assert "\nerror: " in f"\n{text}"
    assert done.stdout == b""
    return text


@pytest.mark.parametrize("words", [("targets", "show", "toaster"), ("deploy", "--target", "toaster")])
def test_an_unknown_target_lists_the_known_ones(words: tuple[str, ...], tmp_path: Path) -> None:
    text = failing(*words, code=2, cwd=tmp_path)
    assert "no target 'toaster'" in text
    assert all(name in text for name in target_files())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (WHOLE.replace("schema", "scheme"), "schema"),
        (WHOLE.replace('"native"', "7"), "triple"),
        (WHOLE + "[benchmark]\nwarmup = 'many'\n", "benchmark.warmup"),
        (WHOLE + "colour = 'red'\n", "executor: colour"),
    ],
)
def test_a_broken_target_names_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "board.toml"
    path.write_text(text)
    assert f"{path}: {key}" in failing("targets", "show", path, code=2)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("export", "absent.onnx"), 3, "cannot read absent.onnx"),
        (("export", "text.onnx"), 3, "text.onnx is not an ONNX model"),
        (("export", "free.onnx"), 3, "free.onnx: the shape of 'input' is not fixed: axis 0"),
        (("export", "free.onnx", "--shape", "1,x"), 2, "--shape '1,x'"),
        (("export", "free.onnx", "--shape", "0,3,16,16"), 2, "--shape"),
        (("export", "free.onnx", "--shape", "wrong=1,3,16,16"), 3, "free.onnx has no input 'wrong'"),
        (("export", "tiny.onnx", "--checkpoint", "w.pt"), 2, "--checkpoint w.pt would be ignored"),
        (("deploy", "--model", "tiny.onnx", "--weights", "imagenet"), 2, "--weights imagenet would be ignored"),
        (("deploy", "--model", "script.pt"), 2, "TorchScript"),
        (("export", "--weights", "mine"), 2, "--weights 'mine'"),
        (("export", "no.module:model"), 2, "no.module:model"),
        (("quantize", "tiny.onnx"), 3, "--calibration"),
        (("quantize", "tiny.onnx", "--calibration", "empty"), 2, "no images in empty"),
        (("quantize", "tiny.onnx", "--calibration", "absent.npz"), 2, "absent.npz"),
        (("quantize", "tiny.onnx", "--calibration", "broken"), 2, "p.png"),
        (("package", "absent.onnx"), 3, "cannot read absent.onnx"),
        (("bench", "absent"), 4, "absent is not a bundle"),
        (("bench", "absent.tar.zst"), 4, "absent.tar.zst"),
        (("bench", "text.onnx", "--target", "host"), 4, "cannot unpack text.onnx"),
        (("report", "absent"), 7, "absent"),
        (("compare", "absent", "absent"), 7, "absent"),
        (("compare", "absent.json", "absent.json"), 7, "absent.json"),
        (("deploy", "--target", "host", "--model", "absent.onnx"), 3, "absent.onnx"),
        (("deploy", "--target", "host", "--model", "tiny.onnx"), 3, "--calibration"),
    ],
)
def test_bad_input_is_a_clear_error_and_leaves_nothing(
    tmp_path: Path, tiny_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    (tmp_path / "text.onnx").write_text("text")
    (tmp_path / "tiny.onnx").write_bytes(tiny_path.read_bytes())
    save_model(tmp_path / "free.onnx", tiny_graph(("n", 3, "h", "w")))
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "p.png").write_text("no picture")
    before = {path.relative_to(tmp_path) for path in tmp_path.rglob("*")}
    text = failing(*words, code=code, cwd=tmp_path)
    assert message in text
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.name != "runs"} == before


def test_a_bundle_for_another_machine_is_refused(host_bundle: Bundle, tmp_path: Path) -> None:
    text = failing("bench", host_bundle.root, "--target", "qemu-riscv64", code=4, cwd=tmp_path)
    assert "qemu-riscv64 wants riscv64-linux-gnu" in text


def test_bad_settings_of_a_benchmark_name_the_key(host_bundle: Bundle, tmp_path: Path) -> None:
    text = failing("bench", host_bundle.root, "--target", "host", "--min-duration", "1e9", code=2, cwd=tmp_path)
    assert "min_duration_s" in text


def test_processors_that_are_not_there_are_a_harness_error(host_bundle: Bundle, tmp_path: Path) -> None:
    text = failing("bench", host_bundle.root, "--target", "host", "--cpus", "1000", code=6, cwd=tmp_path)
    assert "processors" in text
    assert not list(tmp_path.glob("runs/*"))


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_half_written(tiny_path: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    done = subprocess.run(
        [sys.executable, "-m", "edgetool.cli", "export", str(tiny_path), "--output", "out.onnx"],
        cwd=tmp_path,
        env={**os.environ, "EDGETOOL_CACHE": str(tmp_path / "cache")},
        preexec_fn=limit,
        capture_output=True,
        check=False,
    )
    assert done.returncode not in (0, 2)
    assert done.stderr.startswith(b"error: ")
    assert b"Traceback" not in done.stderr
    assert not (tmp_path / "out.onnx").exists()
    assert not [path for path in tmp_path.glob("cache/export/*") if path.is_dir()]


def answer(*words: str | Path, cwd: Path | None = None) -> dict[str, object]:
    """What a command prints with --json: one document on stdout, nothing on stderr."""
    done = run_cli(*words, "--json", cwd=cwd)
    assert done.exit_code == 0, done.stderr.decode()
    assert done.stderr == b""
    whole = json.loads(done.stdout)
    assert isinstance(whole, dict)
    check_answer(" ".join(map(str, words)), whole)
    return whole


def test_targets_as_json() -> None:
    listed = answer("targets", "list")["targets"]
    assert isinstance(listed, list)
    assert {target["name"] for target in listed} == set(target_files())
    assert answer("targets", "show", "qemu-riscv64")["triple"] == "riscv64-linux-gnu"


def test_the_doctor_as_json() -> None:
    findings = answer("doctor")["findings"]
    assert isinstance(findings, list)
    assert {"python", "onnxruntime", "Debian mirror"} <= {finding["name"] for finding in findings}


def test_targets_as_lines_for_a_pipe(runner: CliRunner) -> None:
    lines = [line.split("\t") for line in runner.invoke(app, ["targets", "list"]).output.splitlines()]
    assert {len(line) for line in lines} == {5}
    assert [line[0] for line in lines[1:]] == list(target_files())


def test_a_target_is_shown_as_its_file(runner: CliRunner) -> None:
    output = runner.invoke(app, ["targets", "show", "host"]).output
    assert output.endswith(target_files()["host"].read_text())


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("edgetool deploy --target qemu-r", {"qemu-riscv64"}),
        ("edgetool targets show qemu-", {"qemu-riscv64", "qemu-aarch64"}),
        ("edgetool bench -t ho", {"host"}),
        ("edgetool targets remove ho", {"host"}),
        ("edgetool deploy --model resnet1", {"resnet101", "resnet152", "resnet18"}),
        ("edgetool export ti", {"tiny.onnx"}),
        ("edgetool bench b --precision int8-", {"int8-dynamic"}),
        ("edgetool deploy --runtime sca", {"scalar"}),
        ("edgetool report runs/2", {"runs/20261124T101500Z-3f2a1b"}),
        ("edgetool estimate x --core x6", {"x60"}),
    ],
)
def test_names_are_completed(words: str, wanted: set[str], tmp_path: Path) -> None:
    (tmp_path / "tiny.onnx").touch()
    (tmp_path / "runs" / "20261124T101500Z-3f2a1b").mkdir(parents=True)
    (tmp_path / "runs" / "20261124T101500Z-3f2a1b" / "run.json").touch()
    env = {"_EDGETOOL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    program = "import sys; sys.argv[0] = 'edgetool'; from edgetool.cli import main; main()"
    done = run_process([sys.executable, "-c", program], env=env, cwd=tmp_path, timeout_s=60)
    assert set(done.stdout.decode().split()) == wanted


@pytest.mark.parametrize(
    ("words", "code", "meant"),
    [
        (("targets", "show", "qemu-riscv"), 2, "qemu-riscv64"),
        (("deploy", "--model", "resnet81"), 2, "resnet18"),
        (("deploy", "--precision", "int4"), 2, "int8"),
        (("deploy", "--precision", "fp32,int9"), 2, "int8"),
        (("deploy", "--goal", "latencies"), 2, "latency"),
        (("deploy", "--task", "detecting"), 2, "detection"),
        (("history", "--metric", "p50"), 2, "p50_ms"),
        (("deploy", "--preprocess", "imagnet"), 2, "imagenet"),
        (("tune", "--preprocess", "imagnet"), 2, "imagenet"),
        (("tune", "--target", "host", "--core", "x61"), 2, "x60"),
        (("deploy", "--runtime", "ncn"), 2, "ncnn"),
        (("sweep", "plan.toml", "--runtime", "ncn"), 2, "ncnn"),
        (("export", "--runtime", "ncn"), 2, "ncnn"),
        (("estimate", "runs/first", "--core", "x61"), 2, "x60"),
        (("report", "runs/frst"), 7, "runs/first"),
    ],
)
def test_an_unknown_name_is_answered_with_those_like_it(
    runner: CliRunner, words: tuple[str, ...], code: int, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "runs" / "first" / "run.json").write_text("{}")
    (tmp_path / "plan.toml").write_text('schema = 1\ntargets = ["host"]\n[[models]]\nsource = "resnet18"\n')
    monkeypatch.chdir(tmp_path)
    error = runner.invoke(app, words).exception
    assert isinstance(error, EdgetoolError)
    assert error.exit_code == code
    assert re.search(f"did you mean .*{meant}", error.hint or ""), error.hint


def test_a_target_of_ones_own_is_removed_and_none_of_edgetools(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(WHOLE)
    env = {"EDGETOOL_TARGETS": str(tmp_path)}
    assert run_cli("targets", "remove", "mine", env=env).exit_code == 0
    assert not (tmp_path / "mine.toml").exists()
    assert "edgetool's own" in failing("targets", "remove", "host", code=2, env=env)
    assert "host" in target_files()


def test_the_doctor_begins_with_its_answer(runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runner.invoke(app, ["doctor", "--target", "host"]).output.splitlines()[0] == "ready for host"
    monkeypatch.setenv("PATH", "")
    lacking = runner.invoke(app, ["doctor", "--target", "virt-riscv64"])
    assert lacking.output.splitlines()[0] == "not ready for virt-riscv64: qemu-system-riscv64 missing"
    assert lacking.exit_code == 2


def test_export_quantize_and_package_in_a_line(tiny_path: Path, images_path: Path, tmp_path: Path) -> None:
    exported = answer("export", tiny_path, "--output", "m.onnx", cwd=tmp_path)
    assert exported["path"] == "m.onnx"
    small = answer("quantize", "m.onnx", "--calibration", images_path, cwd=tmp_path)
    assert small["path"] == "m.int8.onnx"
    assert small["size_before_bytes"] == (tmp_path / "m.onnx").stat().st_size
    words = ("--target", "host", "--inputs", images_path, "--archive", "--output", "b")
    packed = answer("package", "m.onnx", "m.int8.onnx", *words, cwd=tmp_path)
    assert (packed["bundle"], packed["archive"]) == ("b", "b.tar.zst")
    assert (tmp_path / "b" / "manifest.json").is_file()


def test_a_users_own_folder_is_never_replaced(tiny_path: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").touch()
    failing("package", tiny_path, "--target", "host", "--output", "mine", code=2, cwd=tmp_path)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["precious"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_bench_ends_its_children_and_leaves_nothing(
    riscv_bundle: Bundle, tmp_path: Path, number: signal.Signals
) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    words = ("bench", riscv_bundle.root, "--target", "qemu-riscv64", "--min-duration", "600")
    with start_cli(*words, cwd=tmp_path, env={"TMPDIR": str(scratch)}) as running:
        with within(60):
            while not [line for line in command_lines() if f"{scratch}/" in line and "--min-duration-ns" in line]:
                assert running.poll() is None, running.stderr and running.stderr.read()
        running.send_signal(number)
        stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"interrupted" in stderr
    assert b"Traceback" not in stderr
    assert stdout == b""
    assert not [line for line in command_lines() if f"{scratch}/" in line]
    assert not list(scratch.iterdir())
    assert not list(tmp_path.glob("runs/*"))


def test_an_interrupted_package_leaves_the_cache_whole(tiny: ModelArtifact, tmp_path: Path) -> None:
    words = ("package", tiny.path, "--target", "qemu-riscv64", "--output", "b")
    env = {"EDGETOOL_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(120)
        env["EDGETOOL_DEBIAN_MIRROR"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with start_cli(*words, cwd=tmp_path, env=env) as running:
            asked, _ = silent.accept()
            running.send_signal(signal.SIGINT)
            _, stderr = running.communicate(timeout=10)
        asked.close()
    assert running.returncode == 130, stderr.decode()
    assert not [path for path in tmp_path.glob("cache/runtime/*") if path.is_dir()]
    assert not [line for line in command_lines() if str(tmp_path) in line]
    assert not (tmp_path / "b").exists()


def test_a_bundle_survives_the_bench(host_bundle: Bundle, tmp_path: Path) -> None:
    copy = copy_bundle(host_bundle, tmp_path / "bundle")
    before = {path: path.read_bytes() for path in copy.root.rglob("*") if path.is_file()}
    words = ("bench", copy.root, "--target", "host", "--repetitions", "3", "--min-duration", "0")
    assert run_cli(*words, cwd=tmp_path).exit_code == 0
    assert {path: path.read_bytes() for path in copy.root.rglob("*") if path.is_file()} == before
