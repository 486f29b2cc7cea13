"""Chaos: breaks parts of a server under load, and looks at what its callers see."""
