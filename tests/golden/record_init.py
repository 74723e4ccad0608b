#!/usr/bin/env python3
"""Records torch.nn.init's values, with which test_init.c compares. Run by hand: it writes init.bin.

A case names the initialiser and its arguments; w is what torch.manual_seed(seed) and the initialiser
make of a weight of that shape, after the layers' own draws of a Conv2d or Linear of it.
"""
import torch
import torch.nn as nn

from record import Writer

CASES = [
    ("kaiming_uniform", {}, {}),
    ("kaiming_uniform", {"a": 0.3}, {"a": 0.3}),
    ("kaiming_uniform", {"mode": "fan_out", "nonlinearity": "relu"}, {"fan_out": 1, "nonlinearity": 1}),
    ("kaiming_normal", {}, {}),
    ("kaiming_normal", {"mode": "fan_out", "nonlinearity": "relu"}, {"fan_out": 1, "nonlinearity": 1}),
    ("kaiming_normal", {"nonlinearity": "tanh"}, {"nonlinearity": 2}),
    ("xavier_uniform", {}, {}),
    ("xavier_uniform", {"gain": 2.5}, {"gain": 2.5}),
    ("xavier_normal", {}, {}),
    ("orthogonal", {}, {}),
    ("orthogonal", {"gain": 0.5}, {"gain": 0.5}),
    ("uniform", {"a": -0.5, "b": 2.0}, {"low": -0.5, "high": 2}),
    ("normal", {}, {}),
    ("normal", {"mean": 0.5, "std": 0.02}, {"mean": 0.5, "std": 0.02}),
    ("constant", {"val": 0.25}, {"value": 0.25}),
]
SHAPES = [(3, 2, 1, 2), (8, 4, 3, 3), (5, 7, 1, 1), (6, 3, 3, 2), (4, 40, 1, 1), (2, 3, 1, 1)]

if __name__ == "__main__":
    out = Writer("init.bin")
    for kind, arguments, ours in CASES:
        for shape in SHAPES:
            torch.manual_seed(7)
            layer = nn.Conv2d(shape[1], shape[0], shape[2:])
            getattr(nn.init, kind + "_")(layer.weight, **arguments)
            out.case(kind=kind, O=shape[0], C=shape[1], R=shape[2], S=shape[3], **ours)
            out.array("w", layer.weight)
            out.array("next", torch.rand(1))
