"""A user's function that cannot be had: what is wrong, and which one was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.errors import ConfigError
from edgetool.models.functions import find_function

MODULES = {
    "unfinished_net": "def make(:\n",
    "failing_net": "raise RuntimeError('no GPU here')\n",
    "whole_net": "def make_model(): ...\nseven = 7\n",
}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unfinished_net:make", "unfinished_net raised SyntaxError"),
        ("failing_net:make", "failing_net raised RuntimeError when it was imported: no GPU here"),
        ("absent_net:make", "cannot import absent_net:make"),
        ("whole_net:make_modl", "whole_net has no 'make_modl'"),
        ("whole_net:seven", "is a int, not a function"),
    ],
)
def test_a_function_that_cannot_be_had_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    for module, text in MODULES.items():
        (tmp_path / f"{module}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        find_function(name)
    assert message in caught.value.message
    assert "make_modl" not in name or "did you mean make_model?" in str(caught.value.hint)
