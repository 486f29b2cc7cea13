"""Marks in the pixels themselves, which outlive every file format."""
