"""How wide the networks of a made-up checkpoint are; their topology is SDXL's at every scale."""

from dataclasses import dataclass

HEAD_SIZE = 64  # of every attention layer in SDXL, its text encoders and InstantID's resampler


@dataclass(frozen=True)
class Scale:
    """The widths that may shrink without one key of the real files going missing."""

    name: str
    unet_channels: tuple[int, int, int]
    text_widths: tuple[int, int]
    vocab_size: int
    vision_width: int  # of the safety checker
    time_embed_dim: int
    map_channels: tuple[int, int, int, int]  # of the ControlNet's embedding of its picture
    vae_channels: tuple[int, int, int, int]
    resampler_width: int
    native_px: int

    @property
    def cross_attention_dim(self) -> int:
        """The width of a token for the UNet: both text encoders' joined."""
        return sum(self.text_widths)

    @property
    def pooled_dim(self) -> int:
        """The width of the pooled prompt."""
        return self.text_widths[1]


FULL = Scale(
    "full",
    unet_channels=(320, 640, 1280),
    text_widths=(768, 1280),
    vocab_size=49408,
    vision_width=1024,
    time_embed_dim=256,
    map_channels=(16, 32, 96, 256),
    vae_channels=(128, 256, 512, 512),
    resampler_width=1280,
    native_px=1024,
)
REDUCED = Scale(
    "reduced",
    unet_channels=(32, 64, 128),
    text_widths=(64, 64),
    vocab_size=880,  # of the pocket weights' tokenizers
    vision_width=64,
    time_embed_dim=32,
    map_channels=(4, 8, 8, 16),
    vae_channels=(32, 64, 96, 96),
    resampler_width=128,
    native_px=64,
)
