"""Encoding: every file says in plain words that a model made it."""

from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from signed_pictures import picture

from instantid_server.contract import OutputFormat
from instantid_server.trust.encoding import encode_labelled
from instantid_server.trust.xmp import xmp_packet

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"


@pytest.mark.parametrize("output_format", OutputFormat)
def test_file_holds_the_packet_as_it_is(output_format: OutputFormat) -> None:
    file = Image.open(BytesIO(encode_labelled(picture(), output_format, 90)))
    assert file.format == output_format.upper()
    assert file.info["xmp"] == xmp_packet()


def test_packet_names_the_source_type_as_iptc_does() -> None:
    (description,) = ElementTree.fromstring(xmp_packet()).iter(f"{RDF}Description")
    kind = description.attrib[f"{IPTC}DigitalSourceType"]
    assert kind == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def test_png_loses_nothing() -> None:
    file = encode_labelled(picture(), OutputFormat.PNG, quality=1)
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(file))), picture())


@pytest.mark.parametrize("output_format", [OutputFormat.JPEG, OutputFormat.WEBP])
def test_quality_decides_the_size_of_other_formats(output_format: OutputFormat) -> None:
    small, large = (len(encode_labelled(picture(), output_format, q)) for q in (10, 95))
    assert small < large
