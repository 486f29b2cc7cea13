"""The watch over the stubs, for Triton goes on saying ready when one of them has died."""

from instantid_server.serving.stubs import find_stubs, is_alive


class StubWatch:
    """Remembers the processes that each model was loaded with."""

    def __init__(self, name: str) -> None:
        """Watch nobody yet of the server `name`."""
        self._name = name
        self._stubs: dict[str, set[int]] = {}

    def begin(self) -> None:
        """Take the processes of now for the ones to watch."""
        self._stubs = {}
        for pid, model in find_stubs(self._name).items():
            self._stubs.setdefault(model, set()).add(pid)

    def renew(self, model: str) -> None:
        """Take the new ones of a model that was loaded again; an old one may still be ending."""
        found = {pid for pid, served in find_stubs(self._name).items() if served == model}
        self._stubs[model] = found - self._stubs.get(model, set())

    def dead_models(self) -> set[str]:
        """Return the models that have lost a process."""
        return {
            model
            for model, pids in self._stubs.items()
            if not pids or not all(is_alive(pid, self._name) for pid in pids)
        }
