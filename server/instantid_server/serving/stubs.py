"""The stubs: the Python processes of Triton's models, seen from outside."""

import contextlib
import site
from pathlib import Path

from instantid_server.serving.remains import find_processes

_STUB = b"triton_python_backend_stub"
_PACKAGE_FOLDERS = ("/site-packages/", "/dist-packages/")


def find_stubs(name: str) -> list[int]:
    """Return the process ids of the stubs of the server `name`."""
    stubs = []
    for pid in find_processes(name):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(_STUB):
                stubs.append(pid)
    return stubs


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


def _fields(maps: str) -> list[list[str]]:
    return [line.split(maxsplit=5) for line in maps.splitlines()]


def _is_other_libpython(file_name: str, soname: str) -> bool:
    return file_name.startswith("libpython3.") and file_name != soname
