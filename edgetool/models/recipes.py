"""Read recipes: settings of static quantization as a file, for `quantize` and `deploy`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge, Le, Len

from edgetool.errors import ConfigError
from edgetool.platform.documents import check_table, read_plain, read_toml
from edgetool.platform.values import Name, value


class Integer(StrEnum):
    """An 8-bit integer type."""

    INT8 = "int8"
    UINT8 = "uint8"


class Ranges(StrEnum):
    """A method that finds activations' ranges in calibration."""

    MIN_MAX = "min-max"
    ENTROPY = "entropy"  # that loses the least information (Migacz 2017)
    PERCENTILE = "percentile"  # that 99.999 % of the values lie in
    MSE = "mse"  # whose quantization has the least squared error


class Float(StrEnum):
    """The type of nodes that are not quantized."""

    FP32 = "fp32"
    FP16 = "fp16"


class Form(StrEnum):
    """A form of the quantized graph."""

    QDQ = "qdq"  # float operators between QuantizeLinear and DequantizeLinear
    QOPERATOR = "qoperator"  # quantized operators


@value
class Recipe:
    """Settings of static quantization. The defaults run fastest on most targets and lose little accuracy."""

    SCHEMA: ClassVar[int] = 1
    schema: int = SCHEMA
    activations: Integer = Integer.UINT8
    weights: Integer = Integer.INT8
    per_channel: bool = True  # a scale for each channel of a weight
    ranges: Ranges = Ranges.MIN_MAX
    images: Annotated[int, Ge(1), Le(100_000)] = 128  # to calibrate with, at most
    symmetric: bool = False  # activations' zero in the middle of their range
    form: Form = Form.QDQ
    keep_float: Annotated[tuple[Name, ...], Len(0, 10_000)] = ()  # nodes by name
    kept_in: Float = Float.FP32  # the type of those nodes

    @property
    def title(self) -> str:
        """
        >>> Recipe().title
        'uint8 activations, int8 weights per channel, min-max over at most 128 images, qdq'
        """
        count = len(self.keep_float)
        kept = f", {count} node{'s' * (count != 1)} in {self.kept_in}" if count else ""
        weights = f"{self.weights} weights per {'channel' if self.per_channel else 'tensor'}"
        symmetric = "symmetric " if self.symmetric else ""
        ranges = f"{self.ranges} over at most {self.images} images"
        return f"{symmetric}{self.activations} activations, {weights}, {ranges}, {self.form}{kept}"


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a .toml or .json file. Raises ConfigError that names the file and the key."""
    table = read_toml(path) if path.suffix == ".toml" else read_plain(path, error=ConfigError)
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: not a recipe")
    return check_table(Recipe, {"schema": None, **table}, where=str(path))
