"""Export a report as PDF with WeasyPrint, using the page's print style."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from edgetool.errors import ConfigError
from edgetool.reports.exporters.html import export_html
from edgetool.reports.report import Report

INSTALL = 'pip install "edgetool[pdf]"'
LIBRARIES = "as root: apt-get install libpango-1.0-0 libpangoft2-1.0-0"


def export_pdf(report: Report) -> Mapping[str, bytes]:
    """Export a report as PDF. Raises ConfigError when WeasyPrint or its libraries are missing."""
    weasyprint = _load_weasyprint()
    page = export_html(report)["report.html"].decode()
    return {"report.pdf": weasyprint.HTML(string=page, url_fetcher=_refuse).write_pdf()}


def _load_weasyprint() -> Any:
    from PIL import ImageFile

    before = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        import weasyprint
    except ModuleNotFoundError as error:
        raise ConfigError(f"a PDF needs WeasyPrint: {error.msg}", hint=INSTALL) from error
    except OSError as error:
        raise ConfigError(
            f"a library for WeasyPrint is missing: {str(error).splitlines()[0]}", hint=LIBRARIES
        ) from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before  # WeasyPrint makes Pillow take damaged pictures, here and elsewhere
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it warns about every style that print doesn't support
    return weasyprint


def _refuse(url: str, *more: object, **options: object) -> Any:
    """Refuse to load anything, since the page contains everything it shows."""
    del more, options
    raise ValueError(f"{url[:80]} is not fetched")
