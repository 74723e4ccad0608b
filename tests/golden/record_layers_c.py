#!/usr/bin/env python3
"""Records PyTorch's numbers for softplus, mish and instance_norm2d, as record_layers.py does for
others; that file describes the format. A case of a new layer goes here: then no recorded file changes
but layers_c.bin, which it writes beside itself.

Run by hand from the repository's root; needs torch and numpy:

    /usr/bin/python3 tests/golden/record_layers_c.py
"""
import torch.nn as nn

import record_layers
from record import Writer
from record_layers import both, keys, record

record_layers.FLAGS.update({"affine", "track_running_stats"})
record_layers.MODULES.update({
    "softplus": lambda s, p, k: nn.Softplus(*p, **keys(k)),
    "mish": lambda s, p, k: nn.Mish(),
    "instance_norm2d": lambda s, p, k: nn.InstanceNorm2d(s[0], **keys(k)),
})


def activations(out):
    for text in ("softplus", "softplus 0.5", "softplus 3 40", "softplus beta=2 threshold=12",
                 "softplus threshold=100", "mish"):
        record(out, text, 1, 3, 2, 3)
        record(out, text, 17, 1, 2, 3, values="large")
        record(out, "conv2d 3 1; " + text + "; conv2d 2 1", 3, 2, 3, 2)
        record(out, text, 2, 2, 3, 1, mode="eval")
    record(out, "softplus name=a; mish; add a; mish; softplus", 18, 2, 2, 3)


def instance_norm(out):
    for arguments in ("", " affine", " track_running_stats", " affine track_running_stats",
                      " eps=0.1 affine", " affine track_running_stats momentum=0.3",
                      " track_running_stats momentum=1 eps=1e-3"):
        text = "instance_norm2d" + arguments
        for n, c, h, w in ((1, 3, 3, 2), (17, 2, 2, 3), (3, 17, 3, 4), (33, 5, 2, 2)):
            both(out, text, n, c, h, w)
        both(out, text, 18, 4, 3, 3, values="far")
    both(out, "instance_norm2d affine track_running_stats", 2, 2, 9, 8)
    both(out, "conv2d 5 3 padding=1; instance_norm2d track_running_stats; mish; conv2d 4 1; "
         "instance_norm2d affine; add input", 18, 4, 4, 4)
    both(out, "batch_norm2d; mish; instance_norm2d affine track_running_stats; relu; batch_norm2d", 19, 3,
         4, 5)
    record(out, "instance_norm2d track_running_stats", 3, 2, 1, 1, mode="eval")


if __name__ == "__main__":
    writer = Writer("layers_c.bin")
    activations(writer)
    instance_norm(writer)
