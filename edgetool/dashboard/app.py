"""The program that Streamlit runs. It draws a page's frame first, then imports and reads what the page shows."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import streamlit as st

LIVE = "At work"
PAGES = {  # with the module of each page's view
    "Runs": "runs",
    "History": "history",
    "Latency": "latency",
    "Size, accuracy, cost": "accuracy",
    "Operators": "operators",
    "Pictures": "pictures",
    LIVE: "sweeps",
}


def main(root: Path) -> None:
    st.set_page_config(page_title="edgetool", layout="wide")
    with st.sidebar:
        page = st.radio("Page", list(PAGES), key="page")
    st.title(page)
    waiting = st.empty()
    waiting.dataframe([])  # meanwhile the browser loads its part of a table
    view = import_module(f"edgetool.dashboard.views.{PAGES[page]}")
    if page == LIVE:
        waiting.empty()
        view.show(root)
        return
    from edgetool.dashboard.choice import choose

    chosen = choose(root)
    waiting.empty()
    if chosen is not None:
        view.show(*chosen)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
