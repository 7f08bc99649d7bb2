"""The runtime as an axis: what a plan's name for one asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace

from edgetool.errors import ConfigError
from edgetool.platform.values import Name, Text, value
from edgetool.records.case import OWN_RUNTIME
from edgetool.runtimes.onnxruntime.kind import BY_KEY
from edgetool.targets.spec import Target


@value
class RuntimeRequest:
    """A kind of runtime, which build of it, and the variables of its process."""

    name: Name  # in plans and tables
    kind: Name = "onnxruntime"
    provider: Name = OWN_RUNTIME  # "crossbuild", "debian", "wheel", "key:…"; "auto": what the target's file says
    environment: dict[Name, Text] = field(default_factory=dict)


DEFAULT_KIND = "onnxruntime"  # the target's own runtime by another name
# Those that are more than a provider's name.
NAMED = {
    "scalar": RuntimeRequest(name="scalar", environment={"EDGETOOL_FORCE_SCALAR": "1"}),  # ours without its vectors
    "tflite": RuntimeRequest(name="tflite", kind="tflite"),
    "ncnn": RuntimeRequest(name="ncnn", kind="ncnn"),
}
PROVIDERS = (OWN_RUNTIME, "crossbuild", "debian", "wheel")


def chosen_runtimes(names: Sequence[str]) -> tuple[str, ...]:
    """Names as a user gives them, several separated by commas, as plans have them.

    >>> chosen_runtimes(["onnxruntime,tflite", "ncnn"]), chosen_runtimes([])
    (('auto', 'tflite', 'ncnn'), ('auto',))
    """
    found = [word.strip() for name in names for word in name.split(",") if word.strip()]
    return tuple(dict.fromkeys(OWN_RUNTIME if name == DEFAULT_KIND else name for name in found)) or (OWN_RUNTIME,)


def runtime_request(name: str, target: Target) -> RuntimeRequest:
    """What a name asks for on a target. Raises ConfigError, listing the known ones."""
    if name not in NAMED and name not in PROVIDERS and not name.startswith(BY_KEY):
        raise ConfigError(f"no runtime {name!r}", hint=f"known runtimes: {', '.join((*PROVIDERS, 'key:KEY', *NAMED))}")
    found = NAMED.get(name, RuntimeRequest(name=name, provider=name))
    return replace(found, provider=target.runtime) if found.provider == OWN_RUNTIME else found
