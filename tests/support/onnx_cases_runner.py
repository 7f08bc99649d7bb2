"""Run ONNX's backend tests by the onnxruntime of this Python, which needs nothing else but NumPy.

    python onnx_cases_runner.py CASES RESULTS

CASES is a pickled list of (name, model, data sets, relative tolerance, absolute tolerance), where a data set is
(inputs, outputs). RESULTS becomes JSON: each case's name with "" or the reason why it failed.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime


def run(model: bytes, sets: list[tuple[list[Any], list[Any]]], rtol: float, atol: float) -> str:
    """Return why a case failed, or nothing."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        names = [given.name for given in session.get_inputs()]
        for inputs, outputs in sets:
            found = session.run(None, dict(zip(names, inputs, strict=False)))
            for one, wanted in zip(found, outputs, strict=True):
                if reason := difference(one, wanted, rtol, atol):
                    return reason
    except Exception as error:  # noqa: BLE001 - ORT's own are of many classes
        return f"{type(error).__name__}: {error}"
    return ""


def difference(found: Any, wanted: Any, rtol: float, atol: float) -> str:
    if isinstance(wanted, list):
        if len(found) != len(wanted):
            return f"{len(found)} elements instead of {len(wanted)}"
        return next(filter(None, (difference(*pair, rtol, atol) for pair in zip(found, wanted, strict=True))), "")
    if wanted is None or found is None:
        return "" if found is wanted else "nothing where there was to be something"
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape or (found.dtype != wanted.dtype and wanted.dtype != object):
        return f"{found.dtype}{found.shape} instead of {wanted.dtype}{wanted.shape}"
    if wanted.dtype.kind in "OUS":
        return "" if np.array_equal(found, wanted) else "other strings"
    if np.allclose(found, wanted, rtol=rtol, atol=atol, equal_nan=True):
        return ""
    apart = np.abs(found.astype(np.complex128) - wanted.astype(np.complex128))
    return f"apart by up to {np.nanmax(apart):.3g}"


def main() -> None:
    cases = pickle.loads(Path(sys.argv[1]).read_bytes())
    results = {}
    for name, model, sets, rtol, atol in cases:
        results[name] = run(model, sets, rtol, atol)
        print(name, results[name][:200] or "passed", flush=True)
    Path(sys.argv[2]).write_text(json.dumps(results))


if __name__ == "__main__":
    main()
