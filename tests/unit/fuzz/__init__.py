"""Tests of how fuzz makes requests and judges answers."""
