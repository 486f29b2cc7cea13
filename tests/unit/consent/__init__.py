"""Tests of the attacks on consent, and of the search for what is left behind."""
