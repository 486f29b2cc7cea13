"""The judge: two networks that look at pictures and that the served system never uses."""

# It keeps onnxruntime from reporting home, which has to be settled before that is imported.
import instantid_server  # noqa: F401
