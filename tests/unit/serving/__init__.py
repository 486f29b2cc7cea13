"""How the server is found, started, watched and ended."""
