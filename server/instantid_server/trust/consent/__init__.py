"""Consent: who allowed that a face is drawn, and how a face is known again without keeping it."""
