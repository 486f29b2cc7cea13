"""Triton's counters as it writes them, on the CPU and with an instance on each of two GPUs."""

import pytest

from scripts.triton_metrics import counters_on

COUNTERS = (
    "nv_inference_request_success",
    "nv_inference_exec_count",
    "nv_inference_queue_duration_us",
    "nv_inference_compute_input_duration_us",
    "nv_inference_compute_infer_duration_us",
    "nv_inference_compute_output_duration_us",
)


def page(*labels: str) -> str:
    return "\n".join(
        f"{counter}{{{label}}} {number}"
        for number, counter in enumerate(COUNTERS, start=1)
        for label in labels
    )


def test_counters_of_the_cpu_are_read() -> None:
    counters = counters_on(page('model="unet",version="1"', 'model="unet2",version="1"'), "unet")
    assert (counters.requests, counters.output_us) == (1, 6)


def test_counters_of_several_gpus_are_added() -> None:
    gpus = [f'gpu_uuid="GPU-{index}",model="unet",version="1"' for index in range(2)]
    counters = counters_on(page(*gpus), "unet")
    assert (counters.requests, counters.executions, counters.output_us) == (2, 4, 12)


def test_model_that_is_not_on_the_page_is_an_error() -> None:
    with pytest.raises(ValueError, match="no nv_inference_request_success of vae_decoder"):
        counters_on(page('model="unet",version="1"'), "vae_decoder")
