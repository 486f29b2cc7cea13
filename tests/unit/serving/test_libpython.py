"""Where the shared library of Python is looked for."""

from pathlib import Path

from instantid_server.serving.libpython import library_in_cache

CACHE = """2 libs found in cache `/etc/ld.so.cache'
\tlibpython3.11.so.1.0 (libc6) => /lib/i386-linux-gnu/libpython3.11.so.1.0
\tlibpython3.11.so.1.0 (libc6,x86-64) => /lib/x86_64-linux-gnu/libpython3.11.so.1.0
"""


def test_library_of_the_own_architecture_is_found() -> None:
    found = library_in_cache(CACHE, "libpython3.11.so.1.0")
    assert found == Path("/lib/x86_64-linux-gnu/libpython3.11.so.1.0")


def test_library_of_another_version_is_not() -> None:
    assert library_in_cache(CACHE, "libpython3.12.so.1.0") is None
