"""Provenance measured: what marks, credentials and noise survive, and what attacks achieve."""
