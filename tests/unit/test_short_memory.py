"""What is remembered between the steps of a request, and for how long."""

from patience import wait_until

from instantid_server.stages.short_memory import ShortMemory

LONG_S = 3600.0
SHORT_S = 0.05


class Squares:
    """Squares numbers and remembers which."""

    def __init__(self) -> None:
        self.computed: list[int] = []

    def __call__(self, number: int) -> int:
        self.computed.append(number)
        return number**2


def test_value_is_computed_once() -> None:
    squares = Squares()
    memory = ShortMemory(squares, size=4, kept_s=LONG_S)
    assert [memory.get(3), memory.get(3)] == [9, 9]
    assert squares.computed == [3]


def test_value_used_longest_ago_makes_room() -> None:
    squares = Squares()
    memory = ShortMemory(squares, size=2, kept_s=LONG_S)
    for number in (1, 2, 1, 3, 1, 2):
        memory.get(number)
    assert squares.computed == [1, 2, 3, 2]


def test_values_are_forgotten_without_another_call() -> None:
    memory = ShortMemory(Squares(), size=4, kept_s=SHORT_S)
    memory.get(1)
    memory.get(2)
    wait_until(lambda: len(memory) == 0)


def test_forgotten_value_is_computed_again() -> None:
    squares = Squares()
    memory = ShortMemory(squares, size=4, kept_s=SHORT_S)
    memory.get(1)
    wait_until(lambda: len(memory) == 0)
    assert memory.get(1) == 1
    assert squares.computed == [1, 1]
