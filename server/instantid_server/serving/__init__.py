"""Triton itself: how it is found, started, watched and ended."""
