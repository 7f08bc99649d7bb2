"""The wheel's build: the manual page and the completions are made from the commands."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SharedFiles(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from edgetool.manual import write_shared_files

        folder = Path(self.root) / "build" / "share"
        for path in write_shared_files(folder):
            build_data["shared_data"][str(path)] = f"share/{path.relative_to(folder)}"
