"""A stub that runs another Python is told by the libraries it has mapped."""

import pytest

from instantid_server.serving.stubs import foreign_libraries

SONAME = "libpython3.11.so.1.0"
PACKAGES = ["/env/lib/python3.11/site-packages"]


@pytest.mark.parametrize(
    ("path", "foreign"),
    [
        pytest.param("/env/lib/python3.11/site-packages/numpy/core/a.so", False, id="own-package"),
        pytest.param("/usr/lib/python3/dist-packages/numpy/core/a.so", True, id="system-package"),
        pytest.param("/env2/lib/python3.11/site-packages/numpy/a.so", True, id="other-environment"),
        pytest.param("/usr/lib/libpython3.11.so.1.0", False, id="own-libpython"),
        pytest.param("/usr/lib/libpython3.12.so.1.0", True, id="other-libpython"),
        pytest.param("/usr/lib/libc.so.6", False, id="no-python"),
    ],
)
def test_foreign_libraries(path: str, foreign: bool) -> None:
    maps = f"7f00-7f01 r-xp 00000000 fe:00 42    {path}\n7ffc-7ffd rw-p 0 0 0\n"
    assert foreign_libraries(maps, SONAME, PACKAGES) == ([path] if foreign else [])
