#!/usr/bin/env python3
"""Records PyTorch's numbers for small networks in Fovea's text form.

Run by hand from the repository's root; needs torch and numpy:

    /usr/bin/python3 tests/golden/record_layers.py

It writes layers.bin beside itself, in the format that record.py describes. A case is a text (blanks
as ~) with a batch shape and a mode; its arrays are x, the output y, its gradient dy (train mode), dx,
and for each tensor of the state by number: s<i> its value before, g<i> its gradient, b<i> its value
after, for buffers. Everything is computed in float64 from float32 inputs. test_layers.c builds the
same text with Fovea.

To add a layer: a line in MODULES (how torch makes it from the same arguments) and cases below.
"""
import os
import zlib

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from record import Writer

HERE = os.path.dirname(os.path.abspath(__file__))


# ---- the text form ------------------------------------------------------------------------------

def value_of(text):
    if text in ("true", "false"):
        return text == "true"
    if "x" in text and all(part.lstrip("-").isdigit() for part in text.split("x")):
        return tuple(int(part) for part in text.split("x"))
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def parse(text):
    """[(kind, positional values, named values)]"""
    statements = []
    for statement in text.split(";"):
        words = statement.split()
        places, named = [], {}
        for word in words[1:]:
            key, equals, value = word.partition("=")
            if equals:
                named[key] = value_of(value)
            elif key in FLAGS:
                named[key] = True
            else:
                places.append(value_of(word))
        statements.append((words[0], places, named))
    return statements


FLAGS = {"no_bias", "ceil_mode", "cumulative", "no_affine", "no_track_running_stats"}


def keys(named, **renamed):
    """Arguments for torch: bias instead of no_bias and the like; others as they are."""
    out = {}
    for key, value in named.items():
        if key in ("name", "from", "in_channels", "in_features", "num_features"):
            continue
        if key == "no_bias":
            out["bias"] = False
        elif key == "no_affine":
            out["affine"] = False
        elif key == "no_track_running_stats":
            out["track_running_stats"] = False
        elif key == "cumulative":
            out["momentum"] = None
        else:
            out[renamed.get(key, key)] = value
    return out


class Apply(nn.Module):
    """A function of one or more tensors as a module without parameters."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *xs):
        return self.function(*xs)


# How torch makes each layer: from the input's shape [C,H,W], values by place, values by name.
MODULES = {
    "conv2d": lambda s, p, k: nn.Conv2d(s[0], *p, **keys(k)),
    "linear": lambda s, p, k: nn.Linear(s[0], *p, **keys(k)),
    "max_pool2d": lambda s, p, k: nn.MaxPool2d(*p, **keys(k)),
    "relu": lambda s, p, k: nn.ReLU(),
    "flatten": lambda s, p, k: nn.Flatten(),
    "log_softmax": lambda s, p, k: nn.LogSoftmax(dim=1),
    "batch_norm2d": lambda s, p, k: nn.BatchNorm2d(s[0], **keys(k)),
    "add": lambda s, p, k: Apply(lambda x, y: x + y),
}


class Net(nn.Module):
    """The layers of a text. Names are those that Fovea makes up."""

    def __init__(self, text, shape):
        super().__init__()
        self.steps, counts, shapes, last = [], {}, {"input": shape}, "input"
        for kind, places, named in parse(text):
            counts[kind] = counts.get(kind, 0) + 1
            name = named.get("name", kind + str(counts[kind]))
            inputs = [named.get("from", last)]
            if kind in MANY:
                inputs += places
                places = []
            module = MODULES[kind](shapes[inputs[0]], places, named)
            self.add_module(name, module)
            self.steps.append((name, inputs))
            with torch.no_grad():
                zeros = [torch.zeros(2, *shapes[i]) for i in inputs]
                shapes[name] = tuple(module.eval()(*zeros).shape[1:])
            module.train()
            last = name
        self.out = shapes[last]

    def forward(self, x):
        values = {"input": x}
        for name, inputs in self.steps:
            last = values[name] = getattr(self, name)(*[values[i] for i in inputs])
        return last


MANY = {"add", "concat", "mul"}  # further inputs by place


# ---- recording ----------------------------------------------------------------------------------

def exact(tensor):
    """float64 numbers that are float32 numbers."""
    return tensor.to(torch.float32).to(torch.float64)


def values_like(shape, values):
    if values == "ties":
        return torch.randint(-2, 3, shape).to(torch.float64)
    if values == "holes":
        x = exact(torch.randn(shape))
        return torch.where(torch.rand(shape) < 0.1, torch.full(shape, np.nan, dtype=x.dtype), x)
    if values == "far":
        return exact(torch.randn(shape) * 0.1 + 30)
    if values == "large":
        return exact(torch.randn(shape) * 20)
    return exact(torch.randn(shape))


def record(out, text, n, c, h=1, w=1, mode="train", values="normal"):
    torch.manual_seed(zlib.crc32(repr((text, n, c, h, w, mode, values)).encode()))
    net = Net(text, (c, h, w)).double()
    state = net.state_dict(keep_vars=True)
    with torch.no_grad():
        for name, tensor in state.items():
            if name.endswith("running_var"):
                tensor.copy_(exact(torch.rand(tensor.shape) + 0.5))
            elif name.endswith("num_batches_tracked"):
                tensor.fill_(3)
            else:
                tensor.copy_(exact(torch.randn(tensor.shape) * 0.5))
    net.train(mode == "train")
    x = values_like((n, c, h, w), values).requires_grad_(True)
    out.case(n=n, c=c, h=h, w=w, mode=mode, text=text.replace(" ", "~"))
    out.array("x", x)
    for i, tensor in enumerate(state.values()):
        out.array("s%d" % i, tensor.reshape(-1))
    y = net(x if x.shape[2:] != (1, 1) or not flat(net) else x.flatten(1))
    out.array("y", y)
    if mode != "train":
        return
    dy = exact(torch.randn(y.shape))
    y.backward(dy)
    out.array("dy", dy)
    out.array("dx", x.grad)
    for i, (name, tensor) in enumerate(state.items()):
        if tensor.requires_grad:
            out.array("g%d" % i, tensor.grad.reshape(-1))
        else:
            out.array("b%d" % i, tensor.reshape(-1))


def flat(net):
    return isinstance(getattr(net, net.steps[0][0]), nn.Linear)


# ---- cases --------------------------------------------------------------------------------------

def both(out, text, n, c, h=1, w=1, **more):
    record(out, text, n, c, h, w, mode="train", **more)
    record(out, text, n, c, h, w, mode="eval", **more)


def batch_norm(out):
    for n, c, h, w in ((2, 1, 2, 1), (1, 3, 5, 4), (3, 5, 4, 3), (16, 2, 3, 3), (17, 4, 2, 3),
                       (33, 3, 3, 2), (4, 16, 4, 4), (2, 17, 7, 5), (5, 33, 3, 3), (70, 6, 1, 1)):
        both(out, "batch_norm2d", n, c, h, w)
    for arguments in ("eps=0.1", "momentum=0.3", "momentum=1", "cumulative", "no_affine",
                      "no_track_running_stats", "no_affine no_track_running_stats",
                      "eps=1e-3 momentum=0.01"):
        both(out, "batch_norm2d " + arguments, 6, 5, 3, 4)
    both(out, "batch_norm2d", 18, 4, 3, 3, values="far")
    for n in (1, 5, 18):
        both(out, "batch_norm2d; relu", n, 5, 4, 3)
    both(out, "conv2d 6 3 padding=1 no_bias; batch_norm2d; relu; max_pool2d 2", 19, 3, 6, 5)
    both(out, "conv2d 16 3 padding=1; batch_norm2d; relu; conv2d 17 3; batch_norm2d", 5, 3, 6, 5)


def branches(out):
    block = "conv2d {c} 3 padding=1 no_bias; batch_norm2d; relu; conv2d {c} 3 padding=1 no_bias; " \
            "batch_norm2d; add {skip}; relu"
    for n in (1, 4, 19):
        both(out, "relu name=a; " + block.format(c=4, skip="a"), n, 4, 5, 4)
        both(out, "conv2d 5 1 name=a; " + block.format(c=5, skip="a") + " name=b; " +
             block.format(c=5, skip="b"), n, 3, 4, 5)
        both(out, "conv2d 6 3 name=a; conv2d 4 1 stride=2 from=a name=short; batch_norm2d name=s; "
             "conv2d 4 3 stride=2 padding=1 from=a; batch_norm2d; add s; relu", n, 3, 8, 7)
    record(out, "add input", 3, 2, 3, 4)
    record(out, "relu name=a; add a; add a", 3, 2, 3, 4)
    record(out, "relu name=a; relu from=a; add a", 18, 2, 3, 4)
    record(out, "conv2d 3 1 name=a; conv2d 3 1 from=a; add a; flatten", 18, 2, 3, 4)
    record(out, "conv2d 3 3 padding=1 name=a; relu; max_pool2d 2 name=p; relu from=a name=b; "
           "max_pool2d 2; add p", 18, 2, 4, 4)
    record(out, "flatten name=f; linear 6 name=l; relu; linear 6; add l; linear 3; log_softmax",
           17, 2, 2, 2)
    record(out, "flatten name=f; linear 8; add f; relu", 17, 2, 2, 2)
    record(out, "max_pool2d 2 name=a; max_pool2d 2 from=input name=b; add a; add b", 5, 3, 4, 6)


if __name__ == "__main__":
    writer = Writer("layers.bin")
    batch_norm(writer)
    branches(writer)
