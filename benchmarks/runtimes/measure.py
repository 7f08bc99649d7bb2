"""Each model in each runtime and precision on the emulated board: a deployment's plan, and the rows of its report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from benchmarks.zoo.models import ZOO
from edgetool.api import Model
from edgetool.models.spec import Precision
from edgetool.pipeline.plan import Plan
from edgetool.pipeline.prepare import Preparation
from edgetool.pipeline.run import in_this_process, run_cases
from edgetool.platform.context import StepContext
from edgetool.platform.values import value
from edgetool.records.case import OWN_RUNTIME
from edgetool.records.compare import HOST
from edgetool.records.results import read_run
from edgetool.reports.rows import Row, rows

TARGET = "qemu-riscv64"
RUNTIMES = (OWN_RUNTIME, "tflite-crossbuild", "tflite-debian", "ncnn")
FP32 = (Precision.FP32,)
IMAGES = 2  # held-out inputs that outputs are compared on
PRECISIONS = (Precision.FP32, Precision.FP16, Precision.INT8)
MODELS = (Model(source="mobilenet_v2"), *(model for model in ZOO if model.title in ("resnet18", "small_vit")))


@value
class Findings:
    """`docs/runtimes-counted.json`, which the page is made from."""

    SCHEMA: ClassVar[int] = 1
    schema: int = SCHEMA
    rows: tuple[Row, ...] = ()

    def joined(self, found: tuple[Row, ...]) -> Findings:
        """With these rows in place of those of the same models in the same runtimes."""
        replaced = {(row.model, row.runtime) for row in found}
        rows = (*(row for row in self.rows if (row.model, row.runtime) not in replaced), *found)
        return Findings(rows=tuple(sorted(rows, key=lambda row: (row.model, RUNTIMES.index(row.runtime)))))


def measure(model: Model, context: StepContext, folder: Path, runtimes: tuple[str, ...] = RUNTIMES) -> tuple[Row, ...]:
    """Return a model's rows on the board in these of the runtimes. Records are kept in `folder`.

    A case that cannot be made or run is a row with its reason. Raises EdgetoolError when the host can't run the model.
    """
    instruments = ("accuracy", "instructions")  # an emulator's times say nothing
    plan = Plan(
        models=(model,),
        targets=(TARGET,),
        runtimes=runtimes,
        precisions=PRECISIONS,
        instruments=instruments,
        images=IMAGES,
    )
    reference = replace(plan, targets=(HOST,), runtimes=RUNTIMES[:1], precisions=FP32, instruments=("accuracy",))
    planned = (*reference.cases(required=True), *plan.cases())
    cases = Preparation(planned, context).cases()
    run_cases(cases, folder, in_this_process(context), command="deploy", name=model.title)
    return tuple(replace(row, kept=False) for row in rows(read_run(folder).entries) if row.target == TARGET)
