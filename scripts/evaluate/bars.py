"""The bars: what pocket weights have to reach on persons that they were never trained on."""

from scripts.bar import Bar

BARS = (
    Bar("identity_ratio", ">=", 0.90),
    Bar("verification_ratio", ">=", 0.95),
    Bar("prompt_accuracy", ">=", 0.95),
    Bar("prompt_accuracy_min", ">=", 0.85),
    Bar("pose_error", "<=", 0.05),
    Bar("expression_identity_min", ">=", 0.85),
    Bar("light_identity_min", ">=", 0.85),
    Bar("parts_margin", ">=", 0.0),
    Bar("dials_identity_falls", "<=", 0),
    Bar("dials_default_loss", "<=", 0),
)
