# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime in float32 on the encoder of ViT-B/16 at 224 pixels, mean-pooled; random weights.

Reads "BATCH THREADS" per line, answers with the seconds of one run.
"""
import subprocess
import sys
import tempfile
import time

import numpy

WIDTH, DEPTH, HEADS, PATCH, SIDE = 768, 12, 12, 16, 224
TOKENS = (SIDE // PATCH) ** 2


def export(file):
    """Writes the model. In a process of its own, so that nothing of LibTorch is left while ONNX Runtime is measured."""
    import torch
    from torch import nn
    from torch.onnx._internal import onnx_proto_utils

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1 = nn.LayerNorm(WIDTH, eps=1e-6)
            self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
            self.proj = nn.Linear(WIDTH, WIDTH)
            self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6)
            self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

        def forward(self, x):
            part = WIDTH // HEADS
            q, k, v = self.qkv(self.norm1(x)).reshape(-1, TOKENS, 3, HEADS, part).permute(2, 0, 3, 1, 4).unbind(0)
            weights = torch.softmax(q @ k.transpose(-2, -1) * part**-0.5, dim=-1)
            x = x + self.proj((weights @ v).transpose(1, 2).reshape(-1, TOKENS, WIDTH))
            return x + self.mlp(self.norm2(x))


    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, WIDTH, PATCH, stride=PATCH)
            self.positions = nn.Parameter(torch.randn(1, TOKENS, WIDTH))
            self.blocks = nn.Sequential(*(Block() for _ in range(DEPTH)))
            self.norm = nn.LayerNorm(WIDTH, eps=1e-6)

        def forward(self, images):
            x = self.patches(images).flatten(2).transpose(1, 2) + self.positions
            return self.norm(self.blocks(x)).mean(1)

    # The exporter asks for the package `onnx` only to add functions of onnxscript, of which this model has none.
    onnx_proto_utils._add_onnxscript_fn = lambda model, _: model
    torch.manual_seed(0)
    torch.onnx.export(Encoder().eval(), torch.zeros(1, 3, SIDE, SIDE), file, input_names=["images"],
                      output_names=["embedding"], dynamic_axes={"images": {0: "batch"}}, opset_version=17)


def session(model, threads):
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Idle threads would otherwise spin while the other side is measured.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/encoder.onnx"
        exported = subprocess.run([sys.executable, __file__, "--export", path], capture_output=True, text=True)
        if exported.returncode != 0:
            sys.exit(exported.stderr)
        with open(path, "rb") as file:
            model = file.read()
    sessions = {}
    for line in sys.stdin:
        batch, threads = map(int, line.split())
        if threads not in sessions:
            sessions[threads] = session(model, threads)
        images = numpy.random.default_rng(1).standard_normal((batch, 3, SIDE, SIDE), dtype=numpy.float32)
        start = time.perf_counter()
        sessions[threads].run(None, {"images": images})
        print(time.perf_counter() - start)


if sys.argv[1:2] == ["--export"]:
    export(sys.argv[2])
else:
    main()
