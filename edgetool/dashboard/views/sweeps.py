"""Show the runs at work, each case waiting, done or failed, refreshed every second."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from edgetool.dashboard.shelf import label
from edgetool.records.underway import runs_under_way

EVERY_S = 1.0


def show(root: Path) -> None:
    st.fragment(run_every=EVERY_S)(_show)(root)


def _show(root: Path) -> None:
    found = runs_under_way(root)
    if not found:
        st.text("No run is at work here.")
    for run, at_work in found:
        st.text(label(run.title))
        done = {result.case: result for result in run.results}
        share = len(done) / max(1, len(run.cases))
        st.progress(share, text=f"{len(done)} of {len(run.cases)} cases" + ("" if at_work else ", interrupted"))
        st.dataframe(
            [
                {
                    "target": label(case.target),
                    "case": label(case.title),
                    "state": "waits"
                    if (result := done.get(case)) is None
                    else "done"
                    if result.failure is None
                    else label(f"failed: {result.failure.reason}"),
                }
                for case in run.cases
            ],
            hide_index=True,
        )
