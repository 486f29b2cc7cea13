"""The environment of Triton and its stubs."""

import sys
from pathlib import Path

from instantid_server.desk_link import DESK_VARIABLE
from instantid_server.serving.environment import server_environment, usable_cores

LIBRARIES = (Path("/scratch/lib"), Path("/wheel/libs"))
OWN = {DESK_VARIABLE: "/scratch/desk.sock"}


def test_stubs_find_the_running_python_first() -> None:
    environment = server_environment({"PATH": "/elsewhere/bin"}, LIBRARIES, None, OWN)
    assert environment["PATH"] == f"{Path(sys.executable).parent}:/elsewhere/bin"


def test_given_libraries_come_before_inherited_ones() -> None:
    environment = server_environment({"LD_LIBRARY_PATH": "/cuda"}, LIBRARIES, None, OWN)
    assert environment["LD_LIBRARY_PATH"] == "/scratch/lib:/wheel/libs:/cuda"
    # An empty entry would mean the current folder.
    assert (
        server_environment({}, LIBRARIES, None, OWN)["LD_LIBRARY_PATH"]
        == "/scratch/lib:/wheel/libs"
    )


def test_thread_count_is_given_inherited_or_all_cores() -> None:
    inherited = {"OMP_NUM_THREADS": "3"}
    assert server_environment(inherited, LIBRARIES, 5, OWN)["OMP_NUM_THREADS"] == "5"
    assert server_environment(inherited, LIBRARIES, None, OWN)["OMP_NUM_THREADS"] == "3"
    assert server_environment({}, LIBRARIES, None, OWN)["OMP_NUM_THREADS"] == str(usable_cores())


def test_nothing_is_downloaded_and_no_other_python_is_mixed_in() -> None:
    environment = server_environment({"PYTHONHOME": "/other"}, LIBRARIES, None, OWN)
    assert "PYTHONHOME" not in environment
    assert environment["PYTHONNOUSERSITE"] == "1"
    assert environment["HF_HUB_OFFLINE"] == "1"


def test_what_this_server_tells_its_stubs_goes_before_what_was_inherited() -> None:
    environment = server_environment({DESK_VARIABLE: "/of/another/server"}, LIBRARIES, None, OWN)
    assert environment[DESK_VARIABLE] == OWN[DESK_VARIABLE]


def test_an_allocator_comes_before_other_libraries_but_not_beside_another_allocator() -> None:
    jemalloc = "libjemalloc.so.2"
    alone = server_environment({}, LIBRARIES, None, OWN, jemalloc)
    assert alone["LD_PRELOAD"] == jemalloc
    beside = server_environment({"LD_PRELOAD": "libtrace.so"}, LIBRARIES, None, OWN, jemalloc)
    assert beside["LD_PRELOAD"] == f"{jemalloc} libtrace.so"
    chosen = {"LD_PRELOAD": "/usr/lib/libtcmalloc.so.4"}
    assert (
        server_environment(chosen, LIBRARIES, None, OWN, jemalloc)["LD_PRELOAD"]
        == (chosen["LD_PRELOAD"])
    )
    assert "LD_PRELOAD" not in server_environment({}, LIBRARIES, None, OWN)
