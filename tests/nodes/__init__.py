"""Tests of the nodes, on the one fake of Triton."""
