#!/usr/bin/env python3
"""Records PyTorch's numbers, with which Fovea's tests compare.

Run by hand from the repository's root; needs torch, torchvision and data/MNIST/raw/*.gz:

    /usr/bin/python3 tests/golden/record.py

It writes beside itself
    ops.bin     one layer each: inputs, output and gradients
    sgd.bin     50 steps of torch.optim.SGD on given gradients
    lenet.bin   the tutorial's net on its first batch: loss and gradients of all parameters
    lenet.txt   digests of initial weights and sample orders, and what the tutorial prints

Everything is computed in float64 from inputs that are float32, and stored as float32: the numbers
are as right as float32 can say them. The tests themselves need no Python.

A .bin file is a list of lines and arrays, little endian (tests/golden.h reads it):
    case key=value key=value ...     opens a case; what follows belongs to it
    name type ndim d0 d1 ...         an array: this line, then its data, last dimension fastest
Types are f32 and i64. Blanks before the end of a line put the data at a multiple of 8 bytes.
"""
import gzip
import hashlib
import os
import zlib
from collections import OrderedDict

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision import transforms

HERE = os.path.dirname(os.path.abspath(__file__))


# ---- the format ---------------------------------------------------------------------------------

class Writer:
    def __init__(self, name):
        self.file = open(os.path.join(HERE, name), "wb")

    def case(self, **keys):
        self.file.write((case_line(keys) + "\n").encode())

    def array(self, name, tensor):
        kind = "i64" if tensor.dtype == torch.int64 else "f32"
        data = tensor.detach().contiguous().numpy().astype("<i8" if kind == "i64" else "<f4")
        line = " ".join([name, kind, str(data.ndim)] + [str(d) for d in data.shape])
        line += " " * (-(self.file.tell() + len(line) + 1) % 8) + "\n"
        self.file.write(line.encode() + data.tobytes())


def case_line(keys):
    return "case " + " ".join("{}={}".format(k, text_of(v)) for k, v in keys.items())


def text_of(value):
    if isinstance(value, tuple):
        return "{}x{}".format(*value)
    return str(int(value)) if isinstance(value, bool) else str(value)


# ---- the cases of ops.bin -----------------------------------------------------------------------

def conv2d(n, c, h, w, out, kernel, stride=1, padding=0, dilation=1, groups=1, bias=True,
           same=False):
    return dict(op="conv2d", n=n, c=c, h=h, w=w, out=out, kernel=pair(kernel), stride=pair(stride),
                padding=pair(padding), dilation=pair(dilation), groups=groups, bias=bias, same=same)


def max_pool2d(n, c, h, w, kernel, stride=None, padding=0, dilation=1, ceil=False, values="normal"):
    return dict(op="max_pool2d", n=n, c=c, h=h, w=w, kernel=pair(kernel),
                stride=pair(stride or kernel), padding=pair(padding), dilation=pair(dilation),
                ceil=ceil, values=values)


def conv_relu_pool(n, c, h, w, out, kernel, pool, padding=0, bias=True):
    return dict(conv2d(n, c, h, w, out, kernel, padding=padding, bias=bias), op="conv_relu_pool",
                pool=pair(pool))


def linear(n, c, out, bias=True):
    return dict(op="linear", n=n, c=c, h=1, w=1, out=out, bias=bias)


def relu(n, c, h, w, values="normal"):
    return dict(op="relu", n=n, c=c, h=h, w=w, values=values)


def log_softmax(n, c, h=1, w=1, values="normal"):
    return dict(op="log_softmax", n=n, c=c, h=h, w=w, values=values)


def nll_loss(n, c, reduction="mean"):
    return dict(op="nll_loss", n=n, c=c, h=1, w=1, reduction=reduction, values="log_probabilities")


def cross_entropy_loss(n, c, reduction="mean", values="normal"):
    return dict(op="cross_entropy_loss", n=n, c=c, h=1, w=1, reduction=reduction, values=values)


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


# Fovea cuts a batch into blocks of 16 images, so 1, 15, 16, 17 and 33 matter, and channels into
# blocks of vectors.
OPS = [
    # batches
    conv2d(1, 1, 3, 3, 1, 1),
    conv2d(1, 2, 5, 4, 3, 3),
    conv2d(2, 3, 6, 5, 4, 3, padding=1),
    conv2d(15, 2, 4, 3, 3, 3, padding=1),
    conv2d(16, 2, 4, 3, 3, 3, padding=1),
    conv2d(17, 2, 4, 3, 3, 3, padding=1),
    conv2d(33, 2, 4, 3, 3, 3, padding=1),
    conv2d(32, 1, 4, 5, 2, 2),
    conv2d(33, 3, 4, 3, 5, (3, 2), (2, 1), (1, 0)),
    # like the layers of the tutorial, which lenet.bin has in full
    conv2d(1, 1, 12, 12, 6, 5, padding=2),
    conv2d(17, 2, 5, 5, 7, 5),
    # kernels: squares, pairs, single rows and columns, even sizes
    conv2d(2, 2, 7, 6, 3, 2),
    conv2d(2, 2, 7, 9, 3, 4),
    conv2d(2, 2, 8, 9, 3, 7),
    conv2d(2, 3, 7, 8, 4, (3, 2)),
    conv2d(2, 3, 7, 8, 4, (2, 3)),
    conv2d(2, 3, 7, 8, 4, (1, 5)),
    conv2d(2, 3, 7, 8, 4, (5, 1)),
    conv2d(2, 3, 9, 7, 6, (4, 3), padding=(2, 1)),
    # kernels of 1x1, and as large as the input
    conv2d(2, 5, 6, 7, 8, 1),
    conv2d(2, 5, 6, 7, 8, 1, 2),
    conv2d(2, 5, 4, 3, 8, 1, padding=1),
    conv2d(17, 16, 2, 1, 17, 1),
    conv2d(2, 4, 5, 6, 7, (5, 6)),
    conv2d(17, 3, 4, 4, 5, 4),
    conv2d(2, 3, 1, 1, 4, 1),
    conv2d(2, 3, 1, 1, 4, 3, padding=1),
    conv2d(2, 2, 3, 2, 3, (5, 4), padding=(2, 1)),
    # strides
    conv2d(2, 3, 9, 7, 4, 3, 2),
    conv2d(2, 3, 9, 7, 4, 3, 3),
    conv2d(2, 3, 9, 8, 4, 3, (2, 1)),
    conv2d(2, 3, 9, 8, 4, 3, (1, 2), 1),
    conv2d(2, 2, 10, 11, 4, 2, 2),
    conv2d(2, 2, 10, 11, 4, 2, 3),
    conv2d(2, 2, 11, 9, 3, 2, (4, 5)),
    conv2d(1, 3, 13, 11, 4, 7, 2, 3),
    conv2d(17, 2, 5, 5, 3, 3, 2, 1),
    # padding
    conv2d(2, 3, 5, 6, 4, 3, padding=2),
    conv2d(2, 3, 5, 6, 4, 3, padding=(1, 0)),
    conv2d(2, 3, 5, 6, 4, 3, padding=(0, 2)),
    conv2d(2, 2, 4, 3, 3, 3, padding=4),
    conv2d(2, 2, 4, 5, 3, 3, 2, (3, 2)),
    # 'same': with an even kernel the extra row or column is at the end
    conv2d(2, 3, 6, 5, 4, 3, same=True),
    conv2d(2, 3, 6, 5, 4, 2, same=True),
    conv2d(2, 3, 6, 7, 4, 4, same=True),
    conv2d(2, 3, 6, 7, 4, (2, 5), same=True),
    conv2d(2, 3, 5, 8, 4, (3, 6), same=True),
    conv2d(2, 3, 7, 8, 4, (3, 2), dilation=(2, 3), same=True),
    conv2d(2, 4, 6, 6, 6, (4, 2), dilation=(1, 2), groups=2, same=True),
    conv2d(17, 2, 4, 3, 3, 2, same=True),
    # dilation
    conv2d(2, 3, 9, 8, 4, 3, dilation=2),
    conv2d(2, 3, 9, 8, 4, 3, dilation=(1, 2)),
    conv2d(2, 3, 9, 8, 4, (2, 3), dilation=(3, 1)),
    conv2d(2, 3, 9, 8, 4, 3, padding=2, dilation=2),
    conv2d(2, 3, 9, 8, 4, 3, 2, 2, 2),
    conv2d(2, 2, 9, 10, 3, (3, 2), (2, 3), (1, 0), (2, 4)),
    conv2d(2, 2, 5, 5, 3, 3, dilation=2),
    # groups, up to one channel each
    conv2d(3, 4, 9, 7, 6, (3, 2), (2, 1), (1, 0), (1, 2), 2),
    conv2d(2, 6, 5, 6, 6, 3, padding=1, groups=3),
    conv2d(2, 6, 5, 6, 9, 3, padding=1, groups=3),
    conv2d(2, 5, 6, 5, 5, (2, 3), (1, 2), (1, 2), (2, 3), 5),
    conv2d(2, 3, 6, 5, 6, 3, padding=1, groups=3),
    conv2d(17, 6, 3, 3, 6, 3, padding=1, groups=6),
    conv2d(2, 16, 4, 5, 16, 3, 2, 1, groups=16),
    conv2d(2, 32, 3, 3, 16, 3, padding=1, groups=4),
    conv2d(2, 8, 5, 4, 8, 1, groups=2),
    # no bias
    conv2d(2, 3, 6, 5, 4, 3, bias=False),
    conv2d(17, 2, 4, 5, 3, 2, bias=False),
    conv2d(2, 4, 6, 5, 4, 3, groups=4, bias=False),
    # many channels
    conv2d(2, 8, 5, 5, 16, 3, padding=1),
    conv2d(2, 16, 4, 5, 8, 3),
    conv2d(1, 16, 5, 5, 17, 2, padding=1),
    conv2d(1, 17, 4, 4, 16, 2, padding=1),
    conv2d(1, 32, 4, 4, 5, 3),
    conv2d(1, 5, 5, 5, 32, 3, 2, 1),
    conv2d(2, 32, 2, 2, 32, 1),
    conv2d(1, 33, 3, 4, 3, 2),
    conv2d(1, 1, 5, 6, 33, 2),

    max_pool2d(2, 3, 6, 8, 2),
    max_pool2d(1, 6, 8, 8, 2),
    max_pool2d(15, 2, 4, 5, 2),
    max_pool2d(16, 2, 4, 5, 2),
    max_pool2d(17, 2, 4, 5, 2, values="ties"),
    max_pool2d(33, 2, 5, 4, 2, values="ties"),
    max_pool2d(2, 2, 7, 9, 3),
    max_pool2d(2, 2, 7, 9, 3, 2),
    max_pool2d(2, 2, 7, 9, 3, 1),
    max_pool2d(2, 2, 7, 8, (3, 2), (2, 1), values="ties"),
    max_pool2d(2, 2, 7, 8, (2, 3), (1, 2)),
    max_pool2d(2, 2, 7, 8, 2, 3),
    max_pool2d(2, 2, 7, 8, 3, 2, 1, values="ties"),
    max_pool2d(2, 2, 7, 8, (4, 3), (2, 3), (2, 1), values="negative"),
    max_pool2d(2, 2, 5, 6, 3, 1, 1, values="negative"),
    max_pool2d(2, 2, 9, 8, 3, 2, dilation=2),
    max_pool2d(2, 2, 9, 8, (2, 3), (2, 1), (1, 1), (3, 2), values="ties"),
    max_pool2d(2, 2, 7, 8, 2, ceil=True),
    max_pool2d(2, 2, 7, 8, 3, 2, ceil=True, values="ties"),
    max_pool2d(2, 3, 5, 8, 2, 3, 1, ceil=True),     # the last window would start in the padding
    max_pool2d(2, 3, 8, 9, (3, 2), (3, 2), (1, 1), (2, 1), ceil=True),
    max_pool2d(2, 2, 5, 4, (5, 4)),
    max_pool2d(2, 5, 4, 5, 1),
    max_pool2d(2, 3, 6, 6, 2, values="equal"),
    max_pool2d(2, 2, 6, 8, 3, 2, 1, values="infinite"),
    max_pool2d(2, 2, 7, 8, 3, 2, 1, values="nan"),

    # three layers that Fovea runs in one pass; windows that cover all, and that leave some out
    conv_relu_pool(2, 6, 5, 5, 8, 2, 2),
    conv_relu_pool(17, 1, 5, 6, 3, 2, (2, 3)),
    conv_relu_pool(2, 2, 7, 6, 3, 3, (3, 2), padding=1, bias=False),

    linear(1, 1, 1),
    linear(1, 7, 5),
    linear(3, 17, 9),
    linear(3, 17, 9, bias=False),
    linear(15, 5, 33),
    linear(16, 6, 8),
    linear(17, 33, 16),
    linear(33, 16, 10),
    linear(33, 3, 2, bias=False),
    linear(5, 84, 10),
    linear(2, 65, 33),
    linear(2, 400, 120),

    relu(1, 1, 1, 1),
    relu(3, 5, 4, 3, "zeros"),
    relu(17, 3, 3, 2, "zeros"),
    relu(33, 1, 2, 3, "nan"),

    log_softmax(1, 10),
    log_softmax(17, 10),
    log_softmax(3, 1),
    log_softmax(33, 7, values="large"),
    log_softmax(2, 101),
    log_softmax(3, 5, 4, 3),
    log_softmax(17, 3, 2, 3, values="large"),
    log_softmax(2, 6, 2, 2, values="equal"),

    nll_loss(1, 10),
    nll_loss(17, 10),
    nll_loss(33, 3, "sum"),
    nll_loss(16, 5, "none"),
    cross_entropy_loss(1, 10),
    cross_entropy_loss(16, 10),
    cross_entropy_loss(33, 7, "sum"),
    cross_entropy_loss(17, 4, "none"),
    cross_entropy_loss(17, 10, "mean", "large"),
    cross_entropy_loss(5, 100, "sum", "large"),
    cross_entropy_loss(3, 2, "none", "large"),
]


# ---- ops.bin ------------------------------------------------------------------------------------

def values_of(kind, shape):
    """Random float32 of a kind; see the cases."""
    x = torch.randn(shape)
    if kind == "ties":                              # most windows have their maximum more than once
        x = torch.randint(-1, 2, shape).float()
    elif kind == "zeros":                           # a third of them 0 or -0
        x = torch.where(torch.rand(shape) < 1 / 3, 0 * x, x)
    elif kind == "equal":
        x = torch.full(shape, 0.25)
    elif kind == "negative":                        # the padding must not win
        x = -10 - x.abs()
    elif kind == "infinite":                        # whole windows of -inf
        x = torch.where(torch.rand(shape) < 0.8, torch.tensor(-np.inf), x)
        x[:, 1, 0, 0] = np.inf
    elif kind == "nan":                             # also several in a window
        x = torch.where(torch.rand(shape) < 0.15, torch.tensor(np.nan), x)
    elif kind == "large":                           # up to +-10,000
        x = (torch.rand(shape) * 2 - 1) * 10.0 ** torch.randint(0, 5, (shape[0], 1, 1, 1))
    elif kind == "log_probabilities":
        x = torch.log_softmax(x.double(), 1).float()
    return x


def parameters_of(case):
    if case["op"].startswith("conv"):
        weight = torch.randn(case["out"], case["c"] // case["groups"], *case["kernel"])
    elif case["op"] == "linear":
        weight = torch.randn(case["out"], case["c"])
    else:
        return None, None
    return weight, torch.randn(case["out"]) if case["bias"] else None


def run_layer(case, x, weight, bias):
    """PyTorch's layer (or three); flat ones take [N,C,1,1] and give [N,O,1,1] here."""
    op = case["op"]
    if op.startswith("conv"):
        padding = "same" if case["same"] else case["padding"]
        y = F.conv2d(x, weight, bias, case["stride"], padding, case["dilation"], case["groups"])
        return y if op == "conv2d" else F.max_pool2d(F.relu(y), case["pool"])
    if op == "max_pool2d":
        return F.max_pool2d(x, case["kernel"], case["stride"], case["padding"], case["dilation"],
                            case["ceil"])
    if op == "linear":
        return F.linear(x.flatten(1), weight, bias)[:, :, None, None]
    return F.relu(x) if op == "relu" else F.log_softmax(x, 1)


def record_layer(out, case, x, leaves):
    y = run_layer(case, x, *leaves[1:])
    dy = torch.randn(y.shape)
    y.backward(dy.double())
    out.array("y", y)
    out.array("dy", dy)
    for name, leaf in zip(("dx", "dweight", "dbias"), leaves):
        if leaf is not None:
            out.array(name, leaf.grad)


def record_loss(out, case, x):
    """The losses of the samples; and the one loss and its gradient, unless reduction is none."""
    labels = torch.randint(0, case["c"], (case["n"],))
    loss = F.nll_loss if case["op"] == "nll_loss" else F.cross_entropy
    out.array("labels", labels)
    out.array("losses", loss(x.flatten(1), labels, reduction="none"))
    if case["reduction"] != "none":
        value = loss(x.flatten(1), labels, reduction=case["reduction"])
        value.backward()
        out.array("loss", value.reshape(1))
        out.array("dx", x.grad)


def record_ops():
    out = Writer("ops.bin")
    for case in OPS:
        torch.manual_seed(zlib.crc32(case_line(case).encode()))     # a case keeps its numbers
        x = values_of(case.get("values"), (case["n"], case["c"], case["h"], case["w"]))
        inputs = (x,) + parameters_of(case)
        leaves = [None if t is None else t.double().requires_grad_() for t in inputs]
        out.case(**case)
        for name, tensor in zip(("x", "weight", "bias"), inputs):
            if tensor is not None:
                out.array(name, tensor)
        if case["op"].endswith("loss"):
            record_loss(out, case, leaves[0])
        else:
            record_layer(out, case, leaves[0], leaves)


# ---- sgd.bin ------------------------------------------------------------------------------------

# With maximize, PyTorch up to 1.12 added the weight decay to the gradient and then climbed along
# the sum, so that weights grew; since 1.13 it turns the gradient first, so that they decay.
SGD = [
    dict(lr=0.1),
    dict(lr=0.1, momentum=0.5),
    dict(lr=0.05, momentum=0.9, dampening=0.25),
    dict(lr=0.05, momentum=0.9, dampening=1),
    dict(lr=0.1, weight_decay=0.01),
    dict(lr=0.05, momentum=0.9, nesterov=True),
    dict(lr=0.1, maximize=True),
    dict(lr=0.05, momentum=0.9, maximize=True),
    dict(lr=0.05, momentum=0.9, weight_decay=0.01),
    dict(lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True),
    dict(lr=0.1, lr_after_25=0.01, momentum=0.5),
    dict(lr=0.1, weight_decay=0.1, maximize=True),
    dict(lr=0.05, momentum=0.9, weight_decay=0.1, nesterov=True, maximize=True),
]


def record_sgd():
    """The first case holds where all start, [4,5] and [4], and the 50 gradients that all take; in
    the others p has the parameters after 10, 20, ..., 50 steps, weight and then bias."""
    steps = 50
    torch.manual_seed(0)
    weight, bias, g = torch.randn(4, 5), torch.randn(4), torch.randn(steps, 24)
    out = Writer("sgd.bin")
    out.case(problem="linear", steps=steps)
    out.array("weight", weight)
    out.array("bias", bias)
    out.array("g", g)
    for case in SGD:
        args = dict(dict(momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False),
                    **case)
        out.case(**args)
        lr_after_25 = args.pop("lr_after_25", args["lr"])
        p = nn.ParameterList([nn.Parameter(weight.double()), nn.Parameter(bias.double())])
        optimizer = torch.optim.SGD(p, **args)
        seen = []
        for step in range(steps):
            if step == 25:
                optimizer.param_groups[0]["lr"] = lr_after_25
            p[0].grad, p[1].grad = g[step, :20].view(4, 5).double(), g[step, 20:].double()
            optimizer.step()
            if step % 10 == 9:
                seen.append(torch.cat([q.detach().flatten() for q in p]))
        out.array("p", torch.stack(seen))


# ---- lenet.txt and lenet.bin --------------------------------------------------------------------

# What the tutorial prints with one thread and no workers: the losses of batch 0, 100, ..., 900, and
# the accuracy on the test set in per cent.
PRINTED = """
0 2.304835 2.252221 1.312848 0.617768 0.343092 0.153032 0.141009 0.144166 0.160867 0.198456 95.18
1 2.322122 2.053715 0.416576 0.317226 0.322599 0.297867 0.260264 0.238155 0.256509 0.312301 95.62
2 2.297686 2.258924 1.251335 0.328890 0.274049 0.349553 0.350608 0.277411 0.323232 0.122753 93.88
3 2.300033 2.278446 2.046597 0.581121 0.327956 0.303631 0.249439 0.281902 0.292637 0.072609 95.25
4 2.288449 1.890610 0.639724 0.587487 0.249861 0.225138 0.209156 0.229634 0.313815 0.194425 94.72
"""


class LeNet(nn.Module):
    """The tutorial's network."""

    def __init__(self):
        super().__init__()
        self.convnet = nn.Sequential(OrderedDict([
            ("C1", nn.Conv2d(1, 6, (5, 5), stride=1, padding=2)), ("relu1", nn.ReLU()),
            ("S2", nn.MaxPool2d(2)),
            ("C3", nn.Conv2d(6, 16, (5, 5))), ("relu3", nn.ReLU()),
            ("S4", nn.MaxPool2d(2)),
            ("C5", nn.Conv2d(16, 120, (5, 5))), ("relu5", nn.ReLU())]))
        self.fc = nn.Sequential(OrderedDict([
            ("F6", nn.Linear(120, 84)), ("relu6", nn.ReLU()),
            ("F7", nn.Linear(84, 10)), ("sig7", nn.LogSoftmax(dim=-1))]))

    def forward(self, x):
        return self.fc(self.convnet(x).flatten(1))


class Numbers(torch.utils.data.Dataset):
    """A sample is its own number."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return index


def sha256(arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


def new_lenet(seed):
    """The model as the tutorial's script makes it, and the order of two epochs after that."""
    torch.manual_seed(seed)
    model = LeNet()
    loader = torch.utils.data.DataLoader(Numbers(60000), batch_size=64, shuffle=True, num_workers=0)
    return model, [torch.cat(list(loader)) for _ in range(2)]


def record_text():
    with open(os.path.join(HERE, "lenet.txt"), "w") as out:
        for line in PRINTED.split("\n")[1:-1]:
            seed, *losses, accuracy = line.split()
            model, orders = new_lenet(int(seed))
            weights = [p.numpy().astype("<f4") for p in model.state_dict().values()]
            print("seed", seed, "initial", sha256(weights), file=out)
            for epoch, order in enumerate(orders, 1):
                print("seed", seed, "order{}".format(epoch), sha256([order.numpy().astype("<i8")]),
                      file=out)
            for i, loss in enumerate(losses):
                print("seed", seed, "loss", 100 * i, loss, file=out)
            print("seed", seed, "accuracy", accuracy, file=out)


def mnist(name, offset):
    path = os.path.join(HERE, "../../data/MNIST/raw", name + ".gz")
    return np.frombuffer(gzip.open(path).read(), np.uint8, offset=offset)


def record_lenet():
    """Images become float32 as in the tutorial; from there on everything is float64."""
    images = mnist("train-images-idx3-ubyte", 16).reshape(60000, 28, 28)
    labels = mnist("train-labels-idx1-ubyte", 8)
    model, orders = new_lenet(0)
    first = orders[0][:64].numpy()
    standardization = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize(mean=(0.1307,), std=(0.3081,))])
    x = torch.stack([standardization(images[i][:, :, None].copy()) for i in first])
    loss = F.nll_loss(model.double()(x.double()), torch.from_numpy(labels[first].astype(np.int64)))
    loss.backward()
    out = Writer("lenet.bin")
    out.case(seed=0)
    out.array("loss", loss.reshape(1))
    for name, parameter in model.named_parameters():
        out.array(name, parameter.grad)


if __name__ == "__main__":
    record_ops()
    record_sgd()
    record_text()
    record_lenet()
