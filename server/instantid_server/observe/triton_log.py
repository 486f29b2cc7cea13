"""The way of Python's log records into Triton's log."""

import logging
from typing import Any

_PACKAGE = "instantid_server"


class TritonLogHandler(logging.Handler):
    """Writes records with Triton's own logger, `pb_utils.Logger`."""

    def __init__(self, triton_logger: Any) -> None:
        super().__init__()
        self._triton_logger = triton_logger

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record at Triton's level for it."""
        text = self.format(record)
        if record.levelno >= logging.ERROR:
            self._triton_logger.log_error(text)
        elif record.levelno >= logging.WARNING:
            self._triton_logger.log_warn(text)
        else:
            self._triton_logger.log_info(text)


def log_through(triton_logger: Any) -> None:
    """Send what this package logs to Triton, and nowhere else."""
    package_logger = logging.getLogger(_PACKAGE)
    package_logger.setLevel(logging.INFO)
    package_logger.handlers = [TritonLogHandler(triton_logger)]
    package_logger.propagate = False
