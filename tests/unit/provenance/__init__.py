"""Tests of the attacks and edits that provenance is measured by."""
