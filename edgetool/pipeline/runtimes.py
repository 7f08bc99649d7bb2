"""The runtime axis of a plan: what each runtime's name stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace

from edgetool.boards.installed import BY_PYTHON
from edgetool.boards.installed import PROVIDER as INSTALLED
from edgetool.errors import ConfigError
from edgetool.models.spec import ModelArtifact
from edgetool.platform.names import listed, name_hint
from edgetool.platform.values import Name, Text, value
from edgetool.records.case import OWN_RUNTIME
from edgetool.runtimes.kind import RuntimeKind
from edgetool.runtimes.onnxruntime.kind import BY_KEY
from edgetool.runtimes.spec import TITLES
from edgetool.runtimes.table import KINDS, kind_of_model
from edgetool.targets.spec import Target


@value
class RuntimeRequest:
    """A kind of runtime, a build of it, and environment variables for its process."""

    name: Name  # in plans and tables
    kind: Name = "onnxruntime"
    provider: Name = (
        OWN_RUNTIME  # "crossbuild", "debian", "wheel", "installed", "key:…", or "auto" for the target file's choice
    )
    environment: dict[Name, Text] = field(default_factory=dict)


DEFAULT_KIND = "onnxruntime"  # an alias for the target's own runtime
VARIANTS = ("wide16", "wide32", "packed64", "ime", "tiled", "portable")  # of our int8 convolutions
# Names that aren't just a provider.
NAMED = {
    "scalar": RuntimeRequest(name="scalar", environment={"EDGETOOL_FORCE_SCALAR": "1"}),  # ours without vectors
    **{name: RuntimeRequest(name=name, environment={"EDGETOOL_VARIANT": name}) for name in VARIANTS},
    "tflite": RuntimeRequest(name="tflite", kind="tflite"),
    "tflite-crossbuild": RuntimeRequest(name="tflite-crossbuild", kind="tflite", provider="crossbuild"),
    "tflite-debian": RuntimeRequest(name="tflite-debian", kind="tflite", provider="debian"),  # without XNNPACK
    "ncnn": RuntimeRequest(name="ncnn", kind="ncnn"),
}
PROVIDERS = (OWN_RUNTIME, "crossbuild", "debian", "wheel", INSTALLED)
RUNTIME_NAMES = (DEFAULT_KIND, *PROVIDERS, *NAMED, f"{BY_KEY}KEY")


def chosen_runtimes(names: Sequence[str]) -> tuple[str, ...]:
    """Convert names given by the user, possibly separated by commas, to those used in plans.

    >>> chosen_runtimes(["onnxruntime,tflite", "ncnn"]), chosen_runtimes([])
    (('auto', 'tflite', 'ncnn'), ('auto',))
    """
    found = (OWN_RUNTIME if name == DEFAULT_KIND else name for name in listed(names))
    return tuple(dict.fromkeys(found)) or (OWN_RUNTIME,)


def own_builds(names: Sequence[str]) -> tuple[str, ...]:
    """Return the target's own runtime, in which the export is checked, and those of other kinds in its own builds.

    >>> own_builds(["debian", "ncnn", "scalar"]), own_builds(["tflite"])
    (('auto', 'ncnn'), ('auto', 'tflite'))
    """
    kinds = [NAMED[name].kind for name in names if name in NAMED]
    return tuple(dict.fromkeys([OWN_RUNTIME, *(kind for kind in kinds if kind != DEFAULT_KIND)]))


def runtime_request(name: str, target: Target) -> RuntimeRequest:
    """Return the runtime that a name stands for on a target. Raises ConfigError, listing the known names."""
    if name not in NAMED and name not in PROVIDERS and not name.startswith((BY_KEY, BY_PYTHON)):
        raise ConfigError(f"no runtime {name!r}", hint=name_hint(name, RUNTIME_NAMES, what="known runtimes"))
    found = NAMED.get(name, RuntimeRequest(name=name, provider=name))
    return replace(found, provider=target.runtime) if found.provider == OWN_RUNTIME else found


def kind_named(name: str) -> RuntimeKind:
    """Return the kind of runtime that models are made for. Raises ConfigError, listing the kinds."""
    if name not in KINDS:
        raise ConfigError(f"no kind of runtime {name!r}", hint=name_hint(name, tuple(KINDS), what="kinds of runtimes"))
    return KINDS[name]


def runtime_for(models: Sequence[ModelArtifact], asked: str | None, target: Target) -> RuntimeRequest:
    """Return the runtime that a bundle of these models carries: the one asked for, by default that of their format.

    Raises ConfigError for models of several formats, and for a runtime that doesn't run them.
    """
    kinds = {kind_of_model(model.path).name: model.path.name for model in models}
    if len(kinds) != 1:
        raise ConfigError(f"{' and '.join(kinds.values())} need different runtimes", hint="package them in two bundles")
    ((kind, file),) = kinds.items()
    request = runtime_request((asked or OWN_RUNTIME) if kind == DEFAULT_KIND else asked or kind, target)
    if request.kind != kind:
        raise ConfigError(
            f"{TITLES[request.kind]} doesn't run {file}", hint=f"edgetool export MODEL --runtime {request.kind}"
        )
    if request.environment:
        raise ConfigError(
            f"{request.name} is a way to start a runtime, which no bundle carries",
            hint=f"edgetool deploy --runtime {request.name}",
        )
    return request
