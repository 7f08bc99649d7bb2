"""Debian's archive: where it is, which of its packages are pinned, and what lies in them."""
