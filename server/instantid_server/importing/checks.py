"""The comparison of what a file holds with what a network wants: its keys, and their shapes."""

from collections.abc import Sequence
from typing import Any

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.tensors import Shapes

_NAMED = 3  # of each kind of mistake; the count says how many more there are


def check_tensors(title: str, found: Shapes, expected: Shapes) -> None:
    """Refuse tensors that are missing, unexpected or of another shape; `title` names the file."""
    wrong = [
        f"{name} is {list(found[name])} and not {list(shape)}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    complaints = [
        *_complaint("missing", [name for name in expected if name not in found]),
        *_complaint("unexpected", [name for name in found if name not in expected]),
        *_complaint("of another shape", wrong),
    ]
    if complaints:
        raise ImportFailed(
            f"{title}: expected {len(expected)} tensors, found {len(found)}; "
            + "; ".join(complaints)
        )


def check_config(title: str, config: dict[str, Any], expected: dict[str, object]) -> None:
    """Refuse a config in which a value differs from the one expected."""
    for name, value in expected.items():
        if config.get(name) != value:
            raise ImportFailed(f"{title}: {name} is {config.get(name)!r}, expected {value!r}")


def _complaint(kind: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [f"{kind}: {', '.join(names[:_NAMED])}{more}"]
