"""Tests of the evaluation's own arithmetic."""
