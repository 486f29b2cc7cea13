"""The shared library of the running Python, which Triton's stub is linked against."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

SONAME = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
DEBIAN_PACKAGE = f"libpython{sys.version_info.major}.{sys.version_info.minor}"


def find_libpython() -> Path | None:
    """Return the interpreter's own library, else the system's of the same version, else None."""
    own = Path(str(sysconfig.get_config_var("LIBDIR")), SONAME)
    if own.is_file():
        return own
    return library_in_cache(_linker_cache(), SONAME)


def library_in_cache(cache: str, soname: str) -> Path | None:
    """Return where `ldconfig -p`, whose output `cache` is, has the library for x86-64."""
    match = re.search(rf"^\s*{re.escape(soname)} \(.*x86-64.*\) => (\S+)$", cache, re.MULTILINE)
    return None if match is None else Path(match[1])


def _linker_cache() -> str:
    try:
        # /sbin is on few people's PATH.
        listing = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return listing.stdout
