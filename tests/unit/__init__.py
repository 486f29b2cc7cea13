"""Tests of the parts, without Triton and mostly without networks."""
