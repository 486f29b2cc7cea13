"""What one picture asks of a GPU, and which GPU that is."""

from dataclasses import dataclass

from scripts.cluster.curves import ServiceCurve

# Of one row of 1024 x 1024 pixels in TFLOP, counted from the networks' layers: convolutions, linear
# layers and attention. A picture with guidance has two rows a step, and is decoded once.
_IDENTITYNET_TFLOP = 2.988
_UNET_TFLOP = 6.779
_VAE_TFLOP = 10.470
# What an H100 multiplies in bfloat16 when it does nothing else, measured; nothing can be faster.
H100_BOUND_TFLOPS = 798.0
# What diffusers was published to reach in float16 on an H800, with SDXL and one ControlNet.
EAGER_TFLOPS = 232.0

_MAX_ROWS = 16  # of a batch, as in the profiles
IDENTITYNET_SHARE = _IDENTITYNET_TFLOP / (_IDENTITYNET_TFLOP + _UNET_TFLOP)


@dataclass(frozen=True)
class PictureWork:
    """One picture with guidance, at the size that the curves were taken at."""

    identitynet: ServiceCurve
    unet: ServiceCurve
    vae_decoder: ServiceCurve  # by pictures; each is decoded alone
    steps: int = 30
    rows: int = 2
    max_batch_rows: int = _MAX_ROWS
    before_s: float = 0.0  # photo, prompt and what else precedes the first step
    after_s: float = 0.0  # safety, credentials, face check
    loop_s: float = 0.0  # of the loop's one process, for each step of each picture
    hop_s: float = 0.0  # from one stage to the next
    gap_s: float = 0.0  # the mean between two requests that an ensemble hands on from one batch
    loses_wakeups: bool = True  # as Triton's batcher does; see `batcher.py`

    @property
    def step_s(self) -> float:
        """What a step takes of a picture that is alone."""
        computing_s = self.identitynet.seconds(self.rows) + self.unet.seconds(self.rows)
        return computing_s + self.loop_s + self.hop_s

    @property
    def alone_s(self) -> float:
        """The latency of a picture that is alone."""
        around_s = self.before_s + self.after_s + self.vae_decoder.seconds(1)
        return self.steps * self.step_s + around_s

    @property
    def capacity_per_s(self) -> float:
        """Pictures a second of one GPU whose batches are always full."""
        together = self.max_batch_rows // self.rows
        batch_s = self.identitynet.seconds(self.max_batch_rows)
        batch_s += self.unet.seconds(self.max_batch_rows)
        return 1 / (self.steps * batch_s / together + self.vae_decoder.seconds(1))


def real_picture(tflops: float, loses_wakeups: bool) -> PictureWork:
    """Return InstantID's own picture, 1024 x 1024 in 30 steps, on a GPU that delivers `tflops`.

    Every row costs as much as the first one, for one picture with guidance fills such a GPU.
    """

    def linear(tflop: float) -> ServiceCurve:
        row_ms = tflop / tflops * 1000
        return ServiceCurve(((1, row_ms), (2, 2 * row_ms)))

    return PictureWork(
        identitynet=linear(_IDENTITYNET_TFLOP),
        unet=linear(_UNET_TFLOP),
        vae_decoder=linear(_VAE_TFLOP),
        loses_wakeups=loses_wakeups,
    )


BOUND = real_picture(H100_BOUND_TFLOPS, loses_wakeups=False)
EAGER = real_picture(EAGER_TFLOPS, loses_wakeups=True)
