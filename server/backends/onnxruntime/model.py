"""The backend `onnxruntime` in Python, for a Triton that lacks the C++ one."""

import json

from instantid_server.adapter import TritonStage
from instantid_server.node import NodeContext
from instantid_server.stages.onnx import OnnxModel, read_declaration


class TritonPythonModel(TritonStage):
    """Any ONNX model; unlike a node it learns from the config which tensors it has."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load `default_model_filename`, with the C++ backend's parameters."""
        config = json.loads(args["model_config"])
        on_gpu = args["model_instance_kind"] == "GPU"
        declared = read_declaration(config)

        def load(context: NodeContext) -> OnnxModel:
            model = OnnxModel(
                context.directory / (config["default_model_filename"] or "model.onnx"),
                declared,
                num_threads=int(context.parameters.get("intra_op_thread_count", "0")),
                device=f"cuda:{context.device_id}" if on_gpu else "cpu",
            )
            model.warm_up(context.max_batch_size)
            return model

        # One process serves one instance, so what is set on the class is this instance's.
        TritonPythonModel.spec = declared
        TritonPythonModel.load = load
        super().initialize(args)
