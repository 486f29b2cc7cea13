"""Fuzz: requests that no client would send, and what the server says to them."""
