"""The plain words beside the credentials: IPTC's digital source type, for who reads no C2PA."""

# https://cv.iptc.org/newscodes/digitalsourcetype: made by a trained model, nothing of it captured.
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

_PACKET = f"""<?xpacket begin="\\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\
<x:xmpmeta xmlns:x="adobe:ns:meta/">\
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" \
Iptc4xmpExt:DigitalSourceType="{DIGITAL_SOURCE_TYPE}"/>\
</rdf:RDF></x:xmpmeta><?xpacket end="r"?>"""


def xmp_packet() -> bytes:
    """Return the packet that every picture and every preview carries."""
    return _PACKET.encode()
