"""Comparisons: what zero-shot identity is worth beside the other ways that people talk about."""
