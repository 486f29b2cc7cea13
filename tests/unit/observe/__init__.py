"""Tests of metrics, the request log and traces."""
