#!/usr/bin/env python3
"""Records PyTorch's numbers for activations, softmax, normalisation of images, products and layers
that move numbers, as record_layers.py does for others; that file describes the format.

Run by hand from the repository's root; needs torch and numpy. It writes layers_b.bin beside itself:

    /usr/bin/python3 tests/golden/record_layers_b.py
"""
import torch
import torch.nn as nn

import record_layers
from record import Writer
from record_layers import Apply, both, keys, record


def along(places, named):
    return named.get("dim", places[0] if places else 1)


def slice_of(places, named):
    dim, start, end, step = (list(places) + [None] * 4)[:4]
    dim, start = named.get("dim", dim or 1), named.get("start", start or 0)
    end, step = named.get("end", end or None), named.get("step", step or 1)
    parts = [slice(None)] * 4
    parts[dim] = slice(start, end, step)
    return Apply(lambda x: x[tuple(parts)])


def sizes_of(places, named, otherwise):
    sizes = dict(zip("chw", places))
    sizes.update({k: v for k, v in named.items() if k in "chw"})
    return [sizes.get(k, otherwise) for k in "chw"]


def reshape(places, named):
    return Apply(lambda x: x.reshape(x.shape[0], *sizes_of(places, named, 1)))


def permute(places, named):
    return Apply(lambda x: x.permute(0, *sizes_of(places, named, None)))


def layer_norm(shape, places, named):
    dims = named.get("dims", places[0] if places else 3)
    return nn.LayerNorm(shape[-dims:], eps=named.get("eps", 1e-5),
                        elementwise_affine="no_affine" not in named)


def group_norm(shape, places, named):
    groups = named.get("num_groups", places[0] if places else None)
    return nn.GroupNorm(groups, shape[0], eps=named.get("eps", 1e-5),
                        affine="no_affine" not in named)


record_layers.MODULES.update({
    "leaky_relu": lambda s, p, k: nn.LeakyReLU(*p, **keys(k)),
    "relu6": lambda s, p, k: nn.ReLU6(),
    "sigmoid": lambda s, p, k: nn.Sigmoid(),
    "tanh": lambda s, p, k: nn.Tanh(),
    "gelu": lambda s, p, k: nn.GELU(*p, **keys(k)) if not p else nn.GELU(approximate=p[0]),
    "silu": lambda s, p, k: nn.SiLU(),
    "hardswish": lambda s, p, k: nn.Hardswish(),
    "hardsigmoid": lambda s, p, k: nn.Hardsigmoid(),
    "elu": lambda s, p, k: nn.ELU(*p, **keys(k)),
    "softmax": lambda s, p, k: nn.Softmax(dim=along(p, k)),
    "log_softmax": lambda s, p, k: nn.LogSoftmax(dim=along(p, k)),
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "mul": lambda s, p, k: Apply(lambda x, y: x * y),
    "concat": lambda s, p, k: Apply(lambda *xs: torch.cat(xs, dim=along([], k))),
    "slice": lambda s, p, k: slice_of(p, k),
    "reshape": lambda s, p, k: reshape(p, k),
    "view": lambda s, p, k: reshape(p, k),
    "squeeze": lambda s, p, k: Apply(lambda x: x.squeeze(along(p, k)).unsqueeze(-1)),
    "unsqueeze": lambda s, p, k: Apply(lambda x: x.squeeze(3).unsqueeze(along(p, k))),
    "permute": lambda s, p, k: permute(p, k),
})


# ---- cases --------------------------------------------------------------------------------------

def activations(out):
    for text in ("leaky_relu", "leaky_relu 0.3", "leaky_relu negative_slope=1.5", "relu6",
                 "sigmoid", "tanh", "gelu", "gelu tanh", "gelu approximate=tanh", "silu", "hardswish",
                 "hardsigmoid", "elu", "elu 0.5", "elu alpha=2"):
        record(out, text, 1, 3, 2, 3)
        record(out, text, 17, 1, 2, 3, values="large")
        record(out, "conv2d 3 1; " + text + "; conv2d 2 1", 3, 2, 3, 2)
        record(out, text, 2, 2, 3, 1, mode="eval")
    record(out, "relu6; relu6; hardsigmoid", 5, 3, 2, 2, values="large")
    record(out, "silu name=a; sigmoid; add a; gelu; tanh", 18, 2, 2, 3)


def softmaxes(out):
    for kind in ("softmax", "log_softmax"):
        for text in (kind, kind + " 2", kind + " dim=3"):
            record(out, text, 1, 5, 3, 4)
            record(out, text, 17, 2, 4, 3, values="large")
            record(out, "conv2d 18 1; " + text, 3, 2, 3, 2)
        record(out, kind, 2, 7, mode="eval")


def norms(out):
    for groups, c in ((1, 4), (2, 4), (4, 4), (3, 15), (2, 34)):
        record(out, "group_norm %d" % groups, 1, c, 3, 2)
        record(out, "group_norm %d" % groups, 3 if c > 20 else 17, c, 2, 2)
    both(out, "group_norm num_groups=2 num_channels=6 eps=0.1", 3, 6, 3, 3)
    both(out, "group_norm 3 no_affine", 3, 6, 3, 3)
    record(out, "group_norm 2", 3, 4, 3, 3, values="far")
    record(out, "group_norm 2", 3, 4, 8, 7)
    record(out, "conv2d 6 3 padding=1; group_norm 3; relu; conv2d 4 1; group_norm 4; add input", 18,
           4, 4, 4)
    for dims in (3, 2, 1):
        record(out, "layer_norm %d" % dims, 1, 3, 4, 3)
        record(out, "layer_norm dims=%d" % dims, 17, 2, 3, 4)
        record(out, "layer_norm %d" % dims, 5, 18, 2, 3)
        both(out, "layer_norm %d no_affine" % dims, 3, 3, 2, 4)
        both(out, "layer_norm %d eps=0.1" % dims, 3, 3, 2, 4)
        record(out, "layer_norm %d" % dims, 3, 2, 5, 9, values="far")
    record(out, "layer_norm", 17, 19)
    record(out, "layer_norm", 2, 2, 7, 8)
    record(out, "permute 2 3 1; layer_norm 1; permute 3 1 2", 3, 5, 2, 3)
    record(out, "conv2d 5 2; layer_norm 1; gelu; conv2d 3 2; layer_norm; silu", 18, 2, 4, 4)


def products(out):
    record(out, "relu6 name=a; tanh from=input; mul a", 1, 3, 2, 3)
    record(out, "relu6 name=a; tanh from=input; mul a", 17, 2, 3, 2)
    record(out, "mul input", 3, 2, 3, 4)
    record(out, "conv2d 4 1 name=a; conv2d 4 3x5 from=input name=s; mul s from=a", 3, 3, 3, 5)
    record(out, "conv2d 4 1 name=a; conv2d 4 3x5 from=input name=s; mul s from=a", 17, 2, 3, 5)
    record(out, "conv2d 1 3x2 name=s; mul s from=input", 1, 4, 3, 2)
    record(out, "conv2d 1 3x2 name=s; mul s from=input", 18, 5, 3, 2)
    record(out, "conv2d 1 1 name=s; sigmoid name=g; mul g from=input", 5, 4, 3, 2)
    record(out, "conv2d 1 1 name=s; sigmoid name=g; mul g from=input", 17, 3, 2, 3)
    both(out, "slice 2 0 1; slice 3 1 2 name=s; mul s from=input", 1, 18, 6, 6)
    record(out, "tanh name=a; mul a; mul a", 4, 1, 1, 3)


def moves(out):
    for n, c, h, w in ((1, 2, 3, 4), (17, 3, 2, 2), (3, 17, 2, 3)):
        record(out, "tanh name=a; sigmoid from=input; concat a", n, c, h, w)
        record(out, "conv2d 2 1 name=a; relu6 from=input; concat a", n, c, h, w)
        record(out, "slice 2 0 1 name=a; sigmoid from=input; concat a input dim=2", n, c, h, w)
        record(out, "slice 3 1 name=a; sigmoid from=input; concat a a dim=3", n, c, h, w)
        record(out, "slice 1 1 2; tanh", n, c, h, w)
        record(out, "reshape %d %d %d; tanh" % (w, c, h), n, c, h, w)
        record(out, "view -1; tanh; reshape c=%d h=-1" % c, n, c, h, w)
        for order in ("1 3 2", "2 1 3", "2 3 1", "3 1 2", "3 2 1"):
            record(out, "permute %s; tanh" % order, n, c, h, w)
    record(out, "concat input input input input input input input", 2, 1, 2, 3)
    record(out, "slice dim=1 start=-2", 2, 5, 2, 2)
    record(out, "slice start=1 end=-1 step=2", 18, 6, 1, 2)
    record(out, "slice 2 0 5 2; slice 3 1 0 3", 3, 2, 5, 6)
    record(out, "slice 3 -3 -1", 3, 2, 2, 4, mode="eval")
    record(out, "permute c=1 h=2 w=3; relu", 3, 2, 2, 4)
    record(out, "reshape 2 3 8; conv2d 3 2; reshape 21 2", 5, 4, 3, 4)
    record(out, "reshape 6 -1 2; tanh", 3, 3, 2, 4)
    record(out, "squeeze 1; tanh; unsqueeze 1", 17, 1, 3, 2)
    record(out, "squeeze 2; tanh; unsqueeze 2", 3, 3, 1, 2)
    record(out, "squeeze 3; tanh; unsqueeze dim=3", 3, 3, 2, 1)
    record(out, "unsqueeze 1; tanh; unsqueeze 2", 3, 4, 1, 1)
    record(out, "conv2d 4 1; slice 1 0 2 name=a; slice 1 2 4 from=conv2d1; sigmoid; mul a", 18, 3,
           2, 3)


if __name__ == "__main__":
    writer = Writer("layers_b.bin")
    activations(writer)
    softmaxes(writer)
    norms(writer)
    products(writer)
    moves(writer)
