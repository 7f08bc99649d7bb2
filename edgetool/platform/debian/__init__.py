"""Debian's archive: mirrors, pinned packages and their contents."""
