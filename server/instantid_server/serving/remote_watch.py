"""The watch over remote stages: this Triton says ready of a stage whose other server is gone."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from instantid_server.serving.api import READY

_AWAY = "UNAVAILABLE"  # Triton's name of the state


class RemoteWatch:
    """Asks the other servers, each time anew."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        """Connect to nobody yet; the addresses are by stage."""
        # Imported only here: gRPC, of which a server with all its stages has no need.
        from instantid_server.remote_model import RemoteModel

        self._models = {stage: RemoteModel(stage, where) for stage, where in addresses.items()}

    def states(self) -> dict[str, str]:
        """Return the state of every remote stage."""
        with ThreadPoolExecutor(len(self._models)) as threads:  # one that is lost takes its time
            found = threads.map(lambda model: model.is_ready(), self._models.values())
            return {
                stage: READY if ready else _AWAY
                for stage, ready in zip(self._models, found, strict=True)
            }
