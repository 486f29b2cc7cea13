"""Tests of the ladder of speed."""
