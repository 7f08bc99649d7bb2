"""Show held-out images with every case's answer, changed classes first, and classify the user's picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image, UnidentifiedImageError

from edgetool.console.context import make_context
from edgetool.dashboard.shelf import Cell, label
from edgetool.dashboard.views.parts import chart, choose_run, say
from edgetool.errors import CompareError, EdgetoolError
from edgetool.pipeline.pictures import as_picture, find_bundle, guess, held_out_inputs, target_nearby
from edgetool.reports.answers import Answer, answers, confusion
from edgetool.reports.charts.labels import row_label
from edgetool.reports.report import Report

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from edgetool.bundles import Bundle

COLUMNS = 4
IMAGES_LIMIT = 24
CLASSES_LIMIT = 30


def show(reports: Sequence[Report], cells: Sequence[Cell]) -> None:
    judged = {cell.run for cell in cells if cell.record.accuracy is not None}
    known = [report for report in reports if report.stored.folder.name in judged]
    if not known:
        st.text("No run has classified images.")
        return
    run = choose_run(known).stored.folder.name
    of_run = [cell for cell in cells if cell.run == run and cell.record.accuracy is not None]
    model = st.selectbox("Model", sorted({cell.row.model for cell in of_run}), key="model")
    beside = [cell for cell in of_run if cell.row.model == model]
    bundles = {cell.series: _bundle(cell.record.bundle_id) for cell in beside}
    _held_out(beside, next((bundle for bundle in bundles.values() if bundle is not None), None))
    _confusion(beside)
    _own_picture(beside, bundles)


@st.cache_resource(max_entries=64, show_spinner=False)
def _bundle(bundle_id: str) -> Bundle | None:
    return find_bundle(make_context(quiet=True, force=False).store, bundle_id)


def _held_out(beside: Sequence[Cell], bundle: Bundle | None) -> None:
    st.header("Held-out images")
    try:
        found = answers([cell.record.accuracy for cell in beside if cell.record.accuracy is not None])
    except CompareError as error:
        say(f"These are not shown beside each other: {error.message}.")
        return
    changed = sum(answer.changed for answer in found)
    say(f"{changed} of {len(found)} images change class between the cases.")
    inputs = None if bundle is None else held_out_inputs(bundle)
    if inputs is None:
        st.text("The images are not shown: the run's bundle is no longer in the cache, or its inputs are not pictures.")
    only = st.checkbox("Only images that change class", value=changed > 0, key="only_changed")
    shown = [answer for answer in found if answer.changed or not only][:IMAGES_LIMIT]
    columns = st.columns(COLUMNS)
    for number, answer in enumerate(shown):
        with columns[number % COLUMNS], st.container(border=True):
            _picture(answer, beside, inputs)


def _picture(answer: Answer, beside: Sequence[Cell], inputs: npt.NDArray[np.float32] | None) -> None:
    if inputs is not None and answer.image < len(inputs):
        pixels = as_picture(inputs[answer.image])
        st.image(pixels if pixels.shape[2] == 3 else pixels[:, :, 0], width="stretch")
    lines = [f"image {answer.image}" + ("" if answer.label is None else f", label {answer.label}")]
    table = [cell.row for cell in beside]
    for cell, given in zip(beside, answer.classes, strict=True):
        right = "" if answer.label is None else "✓ " if given == answer.label else "✗ "
        lines.append(f"{right}{given}: {row_label(cell.row, table)}")
    st.text("\n".join(map(label, lines)))


def _confusion(beside: Sequence[Cell]) -> None:
    labelled = {cell.series: cell for cell in beside if cell.record.accuracy and cell.record.accuracy.labels}
    if not labelled:
        return
    st.header("Confusion matrix")
    cell = labelled[st.selectbox("Case", list(labelled), key="case")]
    if cell.record.accuracy is None:
        return
    counts = confusion(cell.record.accuracy)
    wrong = sorted({each for pair in counts if pair[0] != pair[1] for each in pair})
    every = sorted({each for pair in counts for each in pair})
    classes = set(every if len(every) <= CLASSES_LIMIT else wrong[:CLASSES_LIMIT])
    points = [{"label": a, "class": b, "images": n} for (a, b), n in counts.items() if {a, b} <= classes]
    right = "datum.label == datum.class"
    chart(
        "Images by their label and the class that the model answered.",
        points,
        height={"step": 30},
        encoding={"x": _class("class", "answer"), "y": _class("label", "label")},
        layer=[
            {
                "mark": "rect",
                "encoding": {
                    "color": {
                        "condition": {"test": right, "value": "#0072B2"},
                        "field": "images",
                        "type": "quantitative",
                        "scale": {"scheme": "oranges"},
                        "legend": None,
                    }
                },
            },
            {
                "mark": "text",
                "encoding": {
                    "text": {"field": "images"},
                    "color": {"condition": {"test": right, "value": "white"}, "value": "black"},
                },
            },
        ],
    )
    if len(every) > len(classes):
        say(f"{len(classes)} of {len(every)} classes, those that were confused.")


def _class(field: str, title: str) -> dict[str, object]:
    return {"field": field, "type": "ordinal", "title": title, "axis": {"labelAngle": 0}}


def _own_picture(beside: Sequence[Cell], bundles: dict[str, Bundle | None]) -> None:
    st.header("Your own picture")
    ready = {
        cell.row.target: (bundle, target)
        for cell in beside
        if (bundle := bundles[cell.series]) is not None and (target := target_nearby(cell.row.target)) is not None
    }
    if not ready:
        st.text("This needs the run's bundle in the cache, and a target that is this machine or an emulator on it.")
        return
    bundle, target = ready[st.selectbox("Where", list(ready), key="where")]
    file = st.file_uploader("A picture", type=["png", "jpg", "jpeg", "webp", "bmp"], key="own")
    if file is None:
        return
    try:
        with Image.open(file) as picture:
            picture.load()
            st.image(picture.convert("RGB"), width=224)
            guesses = list(guess(bundle, target, picture))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        say(f"That is no picture: {error}")
    except EdgetoolError as error:
        say(f"{error.message} {error.hint or ''}")
    else:
        st.dataframe(
            [
                {"precision": each.precision.value, "class": given, "share [%]": round(share * 100, 2)}
                for each in guesses
                for given, share in zip(each.classes, each.shares, strict=True)
            ],
            hide_index=True,
        )
