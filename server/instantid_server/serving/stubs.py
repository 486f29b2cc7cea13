"""The stubs: the Python processes of Triton's models, seen from outside."""

import contextlib
import site
from pathlib import Path

from instantid_server.contract import MODELS
from instantid_server.serving.remains import find_processes

_STUB = "triton_python_backend_stub"
_INSTANCE = 8  # which argument of a stub names the model's instance, such as unet_0
_PACKAGE_FOLDERS = ("/site-packages/", "/dist-packages/")


def find_stubs(name: str) -> dict[int, str]:
    """Return the model of each stub of the server `name`, by process id."""
    stubs = {}
    for pid in find_processes(name):
        if (model := stub_model(_arguments(pid))) is not None:
            stubs[pid] = model
    return stubs


def stub_model(arguments: list[str]) -> str | None:
    """Return which model of the contract the process of this command line serves, if it is a stub.

    A Python-based backend lies elsewhere than its models, so the path of the code does not tell.
    """
    if not arguments[0].endswith(_STUB) or len(arguments) <= _INSTANCE:
        return None
    instance = arguments[_INSTANCE]
    # The longest: an instance of instantid_stream begins like one of instantid.
    return max(
        (model for model in MODELS if instance.startswith(f"{model}_")), key=len, default=None
    )


def is_alive(pid: int, name: str) -> bool:
    """Tell whether `pid` is a running process of the server `name`; a zombie does not run."""
    return any(name in argument for argument in _arguments(pid))


def foreign_libraries(maps: str, soname: str, package_folders: list[str]) -> list[str]:
    """Return the libraries in a process that belong to another Python.

    `maps` is the text of its /proc/<pid>/maps. Foreign is a libpython not called `soname`, and a
    library of a Python package outside `package_folders`. numpy, which every stub imports, makes
    sure that there is one to look at.
    """
    mapped = {parts[5].strip() for parts in _fields(maps) if len(parts) == 6}
    own = tuple(f"{folder.rstrip('/')}/" for folder in package_folders)
    return sorted(
        path
        for path in mapped
        if _is_other_libpython(Path(path).name, soname)
        or (any(part in path for part in _PACKAGE_FOLDERS) and not path.startswith(own))
    )


def check_stubs(name: str, soname: str) -> dict[int, list[str]]:
    """Return the foreign libraries of each stub that has any."""
    folders = [str(Path(folder).resolve()) for folder in site.getsitepackages()]
    found = {}
    for pid in find_stubs(name):
        with contextlib.suppress(OSError):
            maps = Path(f"/proc/{pid}/maps").read_text()
            if libraries := foreign_libraries(maps, soname, folders):
                found[pid] = libraries
    return found


def _arguments(pid: int) -> list[str]:
    """Return a process's command line, [""] for one that has ended."""
    try:
        # No Path: it interns its parts, and at a hundred reads a second that table grows.
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return [""]


def _fields(maps: str) -> list[list[str]]:
    return [line.split(maxsplit=5) for line in maps.splitlines()]


def _is_other_libpython(file_name: str, soname: str) -> bool:
    return file_name.startswith("libpython3.") and file_name != soname
