"""What a reduced build leaves out of ONNX Runtime."""

from __future__ import annotations

import pytest

from edgetool.errors import BuildError
from edgetool.runtimes.onnxruntime.reduction import keep_schemas

HEADER = """\
class OpSet_Onnx_ver7 {
 public:
  static void ForEachSchema(const std::function<void(OpSchema&&)>& fn) {
    fn(GetOpSchema<ONNX_OPERATOR_SET_SCHEMA_CLASS_NAME(Onnx, 7, Add)>());
    fn(GetOpSchema<ONNX_OPERATOR_SET_SCHEMA_CLASS_NAME(Onnx, 7, Sub)>());
  }
};
class OpSet_Onnx_ver13 {
 public:
  static void ForEachSchema(const std::function<void(OpSchema&&)>& fn) {
    fn(GetOpSchema<ONNX_OPERATOR_SET_SCHEMA_CLASS_NAME(Onnx, 13, Add)>());
  }
};
"""


def test_schemas_are_left_out_but_all_versions_of_a_wanted_one_stay() -> None:
    kept = keep_schemas(HEADER, {("Onnx", "Add")})
    assert kept.count("Add") == 2
    assert "Sub" not in kept
    assert kept.count("{") == HEADER.count("{")


def test_an_operator_of_another_domain_is_not_the_wanted_one() -> None:
    assert "Sub" not in keep_schemas(HEADER, {("Onnx", "Add"), ("Microsoft", "Sub")})


def test_a_header_that_is_written_in_another_way_is_refused() -> None:
    with pytest.raises(BuildError, match="registers its schemas differently"):
        keep_schemas("void RegisterAll();\n", {("Onnx", "Add")})
