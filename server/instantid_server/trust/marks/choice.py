"""The choice of a watermarker: the one that the policy names, or none."""

from instantid_server.trust.keys import Keys
from instantid_server.trust.marks.spectrum import SpectrumWatermarker
from instantid_server.trust.marks.watermarker import Watermarker
from instantid_server.trust.policy import MarkPolicy


def make_watermarker(policy: MarkPolicy, keys: Keys) -> Watermarker | None:
    """Return the watermarker of the policy; raises KeysError or SettingsError."""
    if policy.watermarker == "none":
        return None
    if policy.watermarker == "trustmark":
        # Not above: it loads onnxruntime, of which nobody else here has any need.
        from instantid_server.trust.marks.trustmark import TrustMark

        return TrustMark(keys.folder / "trustmark")
    return SpectrumWatermarker(keys.mark, policy.amplitude)
