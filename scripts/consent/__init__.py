"""Attacks on consent, doors, registry and audit, tried one by one; what they cost a request."""
