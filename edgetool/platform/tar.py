"""The module tarfile, with the filters that keep an archive's members in their folder: Python 3.11.2 has none."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING or sys.version_info >= (3, 12):
    import tarfile
else:
    from backports import tarfile

__all__ = ["tarfile"]
