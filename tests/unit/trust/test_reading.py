"""Reading: whatever was done to a picture, its credentials never read as better than they are."""

import random
from io import BytesIO

import pytest
from c2pa import C2paError, Context, Reader
from PIL import Image
from signed_pictures import RECORD_ID, encoded, our_reader, our_signer, signed, statement

from instantid_server.contract import CredentialsState, OutputFormat
from instantid_server.trust.encoding import MIME_TYPES
from scripts.provenance.attacker import name_address, self_signed, sign_as
from scripts.provenance.bait import bait
from scripts.provenance.forgeries import forge
from scripts.provenance.tampering import count_missed

each_format = pytest.mark.parametrize("output_format", OutputFormat)


def state_of(file: bytes) -> CredentialsState:
    return our_reader().read(file).state


@each_format
def test_changed_byte_of_the_pixels_is_noticed(output_format: OutputFormat) -> None:
    assert count_missed(our_reader(), signed(output_format), output_format, count=40) == 0


@each_format
def test_forged_credentials_are_never_trusted(output_format: OutputFormat) -> None:
    ours, other = signed(output_format), encoded(output_format, seed=1)
    states = {
        name: state_of(file)
        for name, file in forge(ours, other, output_format, statement()).items()
    }
    assert states == {
        "own root, same organisation": CredentialsState.UNTRUSTED,
        "certificate that signed itself": CredentialsState.UNTRUSTED,
        "signed over by another": CredentialsState.UNTRUSTED,
        "credentials on another picture": CredentialsState.INVALID,
    }


@each_format
def test_forged_record_id_is_not_passed_on(output_format: OutputFormat) -> None:
    file = sign_as(self_signed(), encoded(output_format), output_format, statement())
    assert our_reader().read(file).record_id is None


@each_format
def test_damaged_credentials_say_the_same_or_nothing(output_format: OutputFormat) -> None:
    chance, file = random.Random(0), signed(output_format)
    start = file.index(b"jumdc2pa")
    for _ in range(300):
        damaged = bytearray(file)
        for _ in range(chance.choice((1, 2, 8))):
            damaged[chance.randrange(start, start + 4000)] = chance.randrange(256)
        # What is not covered by the signature is padding, and means nothing.
        assert our_reader().read(bytes(damaged)).record_id in (None, RECORD_ID)


@each_format
def test_more_bytes_at_the_end_are_noticed(output_format: OutputFormat) -> None:
    assert state_of(signed(output_format) + b"\0") is CredentialsState.INVALID


@each_format
def test_picture_cut_off_is_not_trusted(output_format: OutputFormat) -> None:
    file = signed(output_format)
    assert state_of(file[:-100]) is CredentialsState.INVALID


@each_format
def test_picture_saved_again_has_no_credentials(output_format: OutputFormat) -> None:
    buffer = BytesIO()
    Image.open(BytesIO(signed(output_format))).save(buffer, output_format.upper())
    assert state_of(buffer.getvalue()) is CredentialsState.NONE


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"II*\0 a TIFF", id="other-format"),
        pytest.param(encoded(OutputFormat.PNG)[:100], id="cut-off"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"\xff" * 64, id="damaged"),
    ],
)
def test_file_without_credentials_has_none(file: bytes) -> None:
    assert state_of(file) is CredentialsState.NONE


def test_signing_over_with_our_own_key_stays_trusted() -> None:
    again = our_signer().sign(signed(), OutputFormat.PNG, statement())
    assert state_of(again) is CredentialsState.TRUSTED


@each_format
def test_address_in_a_file_is_never_asked(output_format: OutputFormat) -> None:
    with bait() as server:
        file = name_address(
            self_signed(), encoded(output_format), output_format, statement(), server.url
        )
        assert state_of(file) is CredentialsState.NONE
        assert server.requests == 0
        with pytest.raises(C2paError):  # the bait works: c2pa asks unless it is told not to
            Reader(MIME_TYPES[output_format], BytesIO(file), context=Context())
        assert server.requests == 1
