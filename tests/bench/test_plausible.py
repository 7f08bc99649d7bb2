"""Numbers that no measurement can have are refused with the reason."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from edgetool.bench.plausible import check_memory, check_times
from edgetool.bench.record import RunRecord
from edgetool.errors import ConfigError, HarnessError
from edgetool.platform.documents import read_document, write_document
from tests.bench.test_hostile_harness import measured
from tests.support import CLASSES, record, result_document, writing

LOGITS = struct.pack(f"<{CLASSES}f", *range(CLASSES))


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ({"samples_ns": [0, 1000, 1000]}, "an inference took 0 ns"),
        ({"samples_ns": [10**12] * 3}, r"3000\.0 s were timed in the \d+\.\d s"),
        ({"session_load_ns": 10**12}, "were timed in"),
        ({"first_run_ns": 2**62}, "were timed in"),
        ({"warmup_ns": [10**12]}, "were timed in"),
        ({"peak_rss_bytes": 2**60}, "a peak RSS of"),
    ],
)
def test_a_run_that_cannot_have_been_is_refused(tmp_path: Path, run: dict[str, object], reason: str) -> None:
    with pytest.raises(HarnessError, match=reason):
        measured(writing(tmp_path, json.dumps(result_document(**run)), output=LOGITS), tmp_path)


def test_all_of_the_time_may_have_been_timed() -> None:
    check_times((500_000_000,) * 2, 0, wall_s=1.0, name="tiny")


def test_a_board_that_tells_no_memory_is_believed() -> None:
    check_memory(2**60, None, name="tiny")
    check_memory(None, 2**20, name="tiny")


def test_a_record_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="peak_rss_bytes"):
        write_document(tmp_path / "record.json", record(peak_rss_bytes=2**70))
    assert not (tmp_path / "record.json").exists()


def test_what_is_written_is_clean_already(tmp_path: Path) -> None:
    write_document(tmp_path / "record.json", record(runtime="1.21\n# Nothing: every check held\x1b[2J"))
    assert "\\n#" not in (tmp_path / "record.json").read_text()
    assert "\n" not in read_document(tmp_path / "record.json", RunRecord).runtime
