"""The line that every request leaves in the log: JSON, with no word of what was asked for."""

import json
import logging

from instantid_server.observe.record import RequestRecord

logger = logging.getLogger(__name__)


def log_request(record: RequestRecord) -> None:
    """Write the line of a request that has ended."""
    figures = record.timings.figures()
    waiting_ms = figures.setdefault(
        "waiting_ms", figures["total_ms"]
    )  # to its end, if it never ran
    line = {
        "id": record.request_id,
        "model": record.model,
        "tenant": record.tenant,
        "outcome": record.outcome,
        "pictures": record.num_pictures,
        "running_ms": round(figures["total_ms"] - waiting_ms, 2),
        **figures,
    }
    logger.info("%s", json.dumps(line))
