"""Messages of stubs and the desk, cut up on their way."""

import pytest

from instantid_server.desk_messages import MAX_LINE_BYTES, Kind, LineBuffer, Message, encode


def taken(buffer: LineBuffer) -> list[Message]:
    messages = []
    while (message := buffer.take()) is not None:
        messages.append(message)
    return messages


def test_message_in_pieces_is_put_together() -> None:
    buffer = LineBuffer()
    line = encode({"kind": Kind.CANCEL, "request_id": "größe"})
    for index in range(len(line)):
        assert taken(buffer) == []
        buffer.add(line[index : index + 1])
    assert taken(buffer) == [{"kind": "cancel", "request_id": "größe"}]


def test_messages_that_come_together_are_taken_one_by_one() -> None:
    buffer = LineBuffer()
    buffer.add(encode({"kind": Kind.STEP}) * 3 + b'{"kind"')
    assert taken(buffer) == [{"kind": "step"}] * 3


def test_text_with_a_line_break_stays_one_message() -> None:
    buffer = LineBuffer()
    buffer.add(encode({"tenant": "a\nb"}))
    assert taken(buffer) == [{"tenant": "a\nb"}]


def test_line_without_end_is_refused() -> None:
    buffer = LineBuffer()
    buffer.add(b"x" * MAX_LINE_BYTES)
    with pytest.raises(ValueError, match="lines of at most"):
        buffer.add(b"x")
