"""The terminal of the person who started the server: short words, and Triton's log if wanted."""

import sys

from instantid_server.serving.log import LogEcho


class Terminal:
    """Writes on standard error; standard output is for the one line that says ready."""

    def __init__(self) -> None:
        self._echo: LogEcho | None = None

    def follow(self, echo: LogEcho) -> None:
        """Copy a log from now on, each time `echo` is called."""
        self._echo = echo

    def echo(self) -> None:
        """Copy what is new in the log that is followed, if one is."""
        if self._echo is not None:
            self._echo.advance()

    def say(self, text: str) -> None:
        """Write a line."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
