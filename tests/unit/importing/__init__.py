"""Tests of the importer: what it takes, what it refuses, and what it leaves behind."""
