"""Tests of the pocket weights' drawings, captions and files."""
