"""The progress bar counts steps of one request, and requests of several."""

import io

from instantid_client._progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def last_line(self) -> str:
        """Return what stands on the line now."""
        return self.getvalue().rpartition("\r\x1b[K")[2]


def test_bar_counts_the_steps_of_one_request() -> None:
    terminal = Terminal()
    ProgressBar(terminal, 1).update(0, 3, 4)
    assert terminal.last_line() == f"[{'#' * 22}{'-' * 8}]  75% step 3/4"


def test_bar_counts_several_requests() -> None:
    terminal = Terminal()
    bar = ProgressBar(terminal, 4)
    bar.finish(2)
    bar.update(0, 2, 4)
    assert terminal.last_line() == f"[{'#' * 11}{'-' * 19}]  38% 1/4 done"


def test_bar_leaves_an_empty_line() -> None:
    terminal = Terminal()
    bar = ProgressBar(terminal, 1)
    bar.finish(0)
    bar.clear()
    assert terminal.last_line() == ""


def test_bar_is_silent_where_nobody_looks_on() -> None:
    file = io.StringIO()
    bar = ProgressBar(file, 1)
    bar.update(0, 1, 2)
    bar.clear()
    assert file.getvalue() == ""
