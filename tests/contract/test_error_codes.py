"""Every error code of the contract has one class in the server, and the docstring draws it."""

import pytest

from instantid_server import errors
from instantid_server.contract import ErrorCode
from instantid_server.errors import ERRORS, from_stage


@pytest.mark.parametrize("code", ErrorCode)
def test_code_has_a_class(code: ErrorCode) -> None:
    assert ERRORS[code].code is code


@pytest.mark.parametrize("code", ErrorCode)
def test_class_is_drawn_in_the_error_tree(code: ErrorCode) -> None:
    assert errors.__doc__ is not None
    assert f"── {ERRORS[code].__name__} " in errors.__doc__


@pytest.mark.parametrize("code", ErrorCode)
def test_error_survives_the_way_through_other_models(code: ErrorCode) -> None:
    raised = ERRORS[code]("width: expected a multiple of 8, got 7")
    passed_on = from_stage(f"in ensemble 'denoise_step', {raised}", raised.status, "denoise_step")
    assert (type(passed_on), passed_on.message) == (type(raised), raised.message)
