"""Tests of how chaos and soak judge what they see."""
