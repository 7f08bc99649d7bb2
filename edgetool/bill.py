"""Write bills of materials as reproducible CycloneDX 1.6."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgetool import __version__
from edgetool.models.spec import ModelSpec
from edgetool.platform.documents import to_json
from edgetool.platform.files import FileEntry, write_atomically
from edgetool.platform.licences import UNKNOWN, project_of
from edgetool.runtimes.spec import TITLES, RuntimeBuild

BILL = "sbom.cdx.json"
APACHE = "Apache-2.0"
NAMESPACE = uuid.UUID("6d1c31ac-6d9e-5b51-8f1a-1b3c7a1f0e55")


def write_bill(
    folder: Path,
    files: Sequence[FileEntry],
    *,
    runtime: RuntimeBuild,
    models: Sequence[tuple[str, ModelSpec]],
    harness: str,
    kernels: str | None,
) -> None:
    """Write the bill of materials for the files of a bundle.

    `models` are given by their paths, `harness` is the harness's path. `kernels` identifies the folder from which
    edgetool's kernels in the runtime were built; None when the runtime has none.
    """
    own = dict(models)
    components = [_component(file, runtime, own.get(file.path), harness) for file in files]
    if kernels is not None:
        components.append(kernels_component(kernels, runtime))
    whole = "".join(f"{file.path}\0{file.sha256}\n" for file in files)
    subject = {"type": "application", "bom-ref": "bundle", "name": "bundle", "version": __version__}
    write_atomically(folder / BILL, bill(subject, components, whole=whole))


def bill(subject: Mapping[str, object], components: Sequence[Mapping[str, object]], *, whole: str) -> bytes:
    """The document of a subject, CycloneDX's component, and what it is made of; `whole` tells it from all others."""
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, whole)}",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "edgetool", "version": __version__}]},
            "component": subject,
        },
        "components": components,
        "dependencies": [{"ref": subject["bom-ref"], "dependsOn": [component["bom-ref"] for component in components]}],
    }
    return to_json(document)


def kernels_component(kernels: str, runtime: RuntimeBuild) -> dict[str, object]:
    """What a runtime has of edgetool's own: the folder of kernels that it was built with."""
    return {
        "type": "library",
        "bom-ref": "kernels",
        "name": f"edgetool kernels {kernels}",
        "version": __version__,
        "description": f"compiled into {runtime.library}",
        "licenses": [{"expression": APACHE}],
    }


def _component(file: FileEntry, runtime: RuntimeBuild, model: ModelSpec | None, harness: str) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "file",
        "bom-ref": file.path,
        "name": file.path,
        "hashes": [{"alg": "SHA-256", "content": file.sha256}],
    }
    if model is not None:
        component |= {"type": "machine-learning-model", "version": f"opset {model.opset}"}
        component["description"] = f"{model.name} in {model.precision}, weights: {model.weights}"
    elif file.path == harness:
        component |= {"type": "application", "version": __version__, "licenses": [{"expression": APACHE}]}
    elif file.path == runtime.library:
        component |= {"type": "library", "version": runtime.version}
        component["description"] = f"{TITLES.get(runtime.name, runtime.name)}, {runtime.provider} {runtime.variant}"
    if file.path.startswith("lib/"):
        component["type"] = "library"
        project, licence = project_of(file.file_name)
        if licence != UNKNOWN:
            component.setdefault("description", project)
            component["licenses"] = [{"expression": licence}]
    return component
