"""The state that probes read."""

from instantid_server.serving.state import Phase, StateBoard


def test_models_on_their_way_make_a_ready_server_reload() -> None:
    board = StateBoard()
    board.enter(Phase.READY)
    board.show_reloading(frozenset({"unet"}))
    assert board.state.phase is Phase.RELOADING
    board.show_reloading(frozenset())
    assert board.state.phase is Phase.READY


def test_server_that_drains_goes_on_draining() -> None:
    board = StateBoard()
    board.enter(Phase.DRAINING)
    board.show_reloading(frozenset({"unet"}))
    board.show_reloading(frozenset())
    assert board.state.phase is Phase.DRAINING


def test_new_triton_has_nothing_on_its_way() -> None:
    board = StateBoard()
    board.enter(Phase.READY)
    board.show_reloading(frozenset({"unet"}))
    board.enter(Phase.RESTARTING)
    assert board.state.reloading == frozenset()
