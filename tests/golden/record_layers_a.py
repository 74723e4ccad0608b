#!/usr/bin/env python3
"""Records PyTorch's numbers for pooling, resizing, padding and transposed convolution.

Run by hand from the repository's root, as record_layers.py, whose format it has:

    /usr/bin/python3 tests/golden/record_layers_a.py

It writes layers_a.bin, for test_layers.c, and first_a.bin, initial weights for test_layers_a.c.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

import record_layers as base
from record import Writer
from record_layers import Apply, both, keys, record

base.FLAGS |= {"exclude_pad", "align_corners"}
base.MANY |= {"max_unpool2d"}


# ---- how torch makes each layer -----------------------------------------------------------------

def avg_pool(places, named):
    named = keys(named)
    if named.pop("exclude_pad", False):
        named["count_include_pad"] = False
    return nn.AvgPool2d(*places, **named)


def size_of(value):
    """A 0 in a pair is None."""
    return tuple(v or None for v in value) if isinstance(value, tuple) else value


def upsample(places, named):
    named = keys(named)
    factor = places[0] if places else named.pop("scale_factor", None)
    across = named.pop("scale_factor_w", factor)
    if factor:
        named["scale_factor"] = (factor, across)
    return nn.Upsample(**named)


def pad(places, named):
    sides = [named.get(side, 0) for side in ("left", "right", "top", "bottom")]
    sides[:len(places)] = places
    mode, value = named.get("mode", "constant"), named.get("value", 0)
    if mode == "constant":
        return Apply(lambda x: F.pad(x, sides, mode, value))
    return Apply(lambda x: F.pad(x, sides, mode))


def unpool(named):
    named = keys(named)
    kernel = named.pop("kernel_size")
    return Apply(lambda x, index: F.max_unpool2d(x, index.long(), kernel, **named))


def indices(places, named):
    pool = nn.MaxPool2d(*places, return_indices=True, **keys(named))
    return Apply(lambda x: pool(x)[1].to(x.dtype))


base.MODULES.update({
    "conv_transpose2d": lambda s, p, k: nn.ConvTranspose2d(s[0], *p, **keys(k)),
    "max_pool2d_indices": lambda s, p, k: indices(p, k),
    "max_unpool2d": lambda s, p, k: unpool(k),
    "avg_pool2d": lambda s, p, k: avg_pool(p, k),
    "adaptive_avg_pool2d": lambda s, p, k: nn.AdaptiveAvgPool2d(size_of(p[0])),
    "adaptive_max_pool2d": lambda s, p, k: nn.AdaptiveMaxPool2d(size_of(p[0])),
    "upsample": lambda s, p, k: upsample(p, k),
    "pad2d": lambda s, p, k: pad(p, k),
})


# ---- cases --------------------------------------------------------------------------------------

def averages(out):
    for text, h, w in (("2", 4, 4), ("2", 5, 3), ("3 stride=2", 7, 6), ("3 stride=1", 4, 5),
                       ("3x2 stride=2x1", 6, 4), ("3 padding=1", 5, 5), ("3 padding=1x0", 4, 6),
                       ("2 ceil_mode", 5, 7), ("3 stride=2 padding=1 ceil_mode", 6, 4),
                       ("3 stride=2 padding=1 exclude_pad", 6, 5),
                       ("3 stride=2 padding=1 ceil_mode exclude_pad", 6, 4),
                       ("2 divisor_override=3", 4, 5), ("2 divisor_override=-1", 4, 5),
                       ("3x2 padding=1 divisor_override=5 ceil_mode", 4, 4),
                       ("5x4 stride=3 padding=2", 6, 7), ("1 stride=2", 5, 4), ("4x6", 4, 6)):
        record(out, "avg_pool2d " + text, 2, 2, h, w)
    for n, c, h, w in ((1, 1, 4, 5), (17, 1, 4, 3), (1, 17, 3, 4), (2, 16, 2, 3), (16, 1, 4, 2)):
        record(out, "avg_pool2d 2", n, c, h, w)
    both(out, "avg_pool2d 3 stride=2 padding=1", 3, 2, 5, 6)
    record(out, "avg_pool2d 2", 3, 2, 4, 6, values="holes")
    record(out, "avg_pool2d 3 stride=1 padding=1 name=a; add input", 2, 2, 4, 3)


def adaptive(out):
    for kind in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
        for size, h, w in (("1", 5, 4), ("1", 1, 1), ("2", 4, 6), ("3", 7, 5), ("5x2", 7, 5),
                           ("0x3", 4, 7), ("3x0", 7, 4), ("7", 3, 4), ("4x9", 6, 5), ("1x2", 6, 5)):
            record(out, "%s %s" % (kind, size), 2, 2, h, w)
        for n, c, h, w in ((1, 5, 4, 3), (17, 1, 5, 3), (1, 17, 3, 5), (2, 16, 3, 3)):
            record(out, kind + " 2", n, c, h, w)
        both(out, kind + " 1; flatten; linear 3", 17, 3, 2, 3)
        record(out, kind + " 3x2", 3, 2, 5, 6, values="holes")
    record(out, "adaptive_max_pool2d 3x2", 2, 2, 5, 7, values="ties")
    record(out, "adaptive_max_pool2d 2", 18, 1, 3, 5, values="ties")


def unpooling(out):
    text = "max_pool2d {0} name=p; max_pool2d_indices {0} from=input name=i; " \
           "max_unpool2d i kernel_size={1} from=p"
    for pool, unpool, n, c, h, w in (
            ("2", "2", 2, 3, 4, 6), ("2", "2 output_size=5x7", 2, 2, 5, 7), ("2", "2", 17, 1, 4, 4),
            ("3 stride=2", "3 stride=2", 1, 17, 5, 3),
            ("3 stride=2", "3 stride=2 output_size=6x8", 2, 2, 6, 8),
            ("3x2 stride=2x3", "3x2 stride=2x3 output_size=7x6", 1, 3, 7, 6),
            ("2 stride=1", "2 stride=1", 2, 3, 4, 5),
            ("3 stride=2 padding=1", "3 stride=2 padding=1 output_size=6x5", 3, 2, 6, 5),
            ("3 stride=1 padding=1", "3 stride=1 padding=1", 2, 2, 4, 5)):
        record(out, text.format(pool, unpool), n, c, h, w)
    for pool, n, c, h, w in (("2", 17, 2, 4, 5), ("3 stride=2 padding=1", 2, 3, 5, 6),
                             ("2 stride=3 dilation=2", 1, 17, 7, 6), ("3x2 ceil_mode", 2, 2, 7, 5)):
        for values in ("normal", "ties"):
            record(out, "max_pool2d_indices " + pool, n, c, h, w, mode="eval", values=values)
    record(out, "max_pool2d_indices 2", 4, 2, 4, 6, mode="eval", values="holes")
    net = "conv2d 4 3 padding=1 name=c; relu name=r; max_pool2d 2 name=p; max_pool2d_indices 2 " \
          "from=r name=i; conv2d 4 1 from=p; max_unpool2d i kernel_size=2; conv2d 2 3"
    both(out, net, 3, 2, 6, 4)
    both(out, net, 17, 1, 4, 4)


def resizing(out):
    for text in ("2", "3", "1.5", "0.5", "2.3", "0.7", "2 scale_factor_w=1.5", "1",
                 "1.7 scale_factor_w=3", "size=7", "size=3x5", "size=9x4", "size=1", "size=4x5",
                 "size=8x10", "size=13x3"):
        record(out, "upsample " + text, 1, 2, 4, 5)
        record(out, "upsample %s mode=bilinear" % text, 2, 1, 4, 5)
    for text in ("2", "1.5", "0.5", "2 scale_factor_w=0.7", "size=7", "size=1", "size=1x6",
                 "size=3x9", "size=4x5", "size=13x3"):
        record(out, "upsample %s mode=bilinear align_corners" % text, 1, 2, 4, 5)
    for n, c, h, w in ((1, 1, 1, 1), (1, 4, 3, 2), (17, 1, 2, 2), (1, 17, 2, 3), (2, 16, 1, 3)):
        record(out, "upsample 2", n, c, h, w)
        record(out, "upsample 2 mode=bilinear", n, c, h, w)
    both(out, "conv2d 4 3 stride=2 padding=1; relu name=a; upsample 2 mode=bilinear; conv2d 3 3", 3,
         2, 6, 4)
    record(out, "avg_pool2d 2; upsample 2; add input", 18, 1, 4, 2)


def padding(out):
    for text in ("1", "1 2 3 4", "0 0 1", "left=2 bottom=1", "1 1 1 1 value=0.75", "-1 2 0 -1",
                 "-1 -2 -1 -1", "2 -3 1 0 value=-2"):
        record(out, "pad2d " + text, 2, 2, 4, 5)
    for i, mode in enumerate(("reflect", "replicate", "circular")):
        for sides in ("1 1 1 1", "3 2 1 3", "0 4 3 0", "4 4 3 3"):
            record(out, "pad2d %s mode=%s" % (sides, mode), 1, 2, 4, 5)
        record(out, "pad2d 1 0 1 1 mode=%s" % mode, 17, 1, 2, 3)
        record(out, "pad2d 1 1 0 1 mode=%s" % mode, 1, 17, 2, 2)
        end = " padding_mode=" + mode
        for text, n, c, h, w in (("4 3 padding=1", 2, 3, 5, 4), ("3 4 padding=same", 2, 2, 5, 6),
                                 ("4 3 stride=2 padding=1 groups=2 no_bias", 2, 4, 5, 6),
                                 ("4 3x2 padding=2 dilation=2x3", 2, 2, 5, 6)):
            record(out, "conv2d " + text + end, n, c, h, w)
        net = "relu; conv2d 5 3 padding=1%s; relu; max_pool2d 2; conv2d 2 3 padding=1%s; relu; " \
              "max_pool2d 2" % (end, end)
        both(out, net, 3, 2, 5, 6)
        both(out, "conv2d 3 3 padding=1%s; relu; max_pool2d 2" % end, 18, 1, 4, 2)
        record(out, *((net, 19, 1, 4, 4), ("conv2d 3 5 padding=2x1" + end, 17, 1, 4, 5),
                      ("conv2d 17 3 padding=1 groups=17" + end, 1, 17, 3, 4))[i])
    record(out, "conv2d 16 3 padding=same padding_mode=reflect", 1, 16, 3, 3)
    record(out, "pad2d 7 0 9 6 mode=replicate", 1, 1, 2, 3)
    record(out, "pad2d 3 3 2 2 mode=circular", 1, 1, 2, 3)
    record(out, "pad2d 1 1 1 1 value=2", 17, 1, 2, 2)
    both(out, "pad2d 1 2 0 1; conv2d 4 3; relu; pad2d 1 1 1 1 mode=reflect; max_pool2d 2", 3, 2, 5,
         4)
    both(out, "conv2d 3 4x5 padding=1 padding_mode=circular", 3, 2, 2, 3)
    record(out, "conv2d 2 6x7 padding=1 padding_mode=replicate", 17, 1, 4, 5)
    record(out, "conv2d 2 1 stride=1x100 padding=0x5", 17, 2, 2, 3)
    record(out, "conv2d 2 1 stride=100 padding=5", 3, 2, 2, 3)


def transposed(out):
    for text in ("4 3", "2 2 stride=2", "4 3 stride=2 padding=1", "3 4 stride=2 padding=1",
                 "4 3 stride=2 padding=1 output_padding=1", "2 3x2 stride=3x2 output_padding=2x1",
                 "4 3 groups=2", "6 3x1 groups=2 padding=1x0", "4 3 dilation=2", "2 3 no_bias",
                 "4 2x3 stride=1x2 dilation=3x1 padding=1 output_padding=2x1 groups=4", "1 1",
                 "3 1 stride=2", "2 1 stride=3 output_padding=2", "3 5x4 padding=2",
                 "4 3 stride=2 groups=4", "2 3 dilation=4 padding=3 output_padding=3",
                 "2 1 dilation=5 padding=1 output_padding=4", "2 2 stride=4 padding=1",
                 "8 3 groups=4 stride=2"):
        record(out, "conv_transpose2d " + text, 2, 4, 2, 3)
    for n, c, h, w in ((1, 3, 1, 1), (1, 3, 4, 5), (17, 2, 2, 1), (1, 17, 2, 2), (18, 1, 1, 3)):
        both(out, "conv_transpose2d 3 3 stride=2 padding=1 output_padding=1", n, c, h, w)
    record(out, "conv_transpose2d 16 2 stride=2", 1, 16, 1, 2)
    record(out, "conv_transpose2d 18 2 stride=2 padding=1", 2, 3, 2, 3)
    record(out, "conv_transpose2d 17 2 groups=17", 1, 17, 2, 3)
    record(out, "conv_transpose2d 2 3 stride=100 padding=1", 2, 3, 1, 1)
    both(out, "conv2d 5 3 stride=2 padding=1 name=a; relu; conv_transpose2d 4 4 stride=2 padding=1 "
         "no_bias; batch_norm2d; relu; conv_transpose2d 2 3", 3, 2, 6, 4)


def first_weights():
    out = Writer("first_a.bin")
    for seed, c, places, named in ((1, 3, (4, 3), {}), (7, 4, (6, (2, 3)), {"groups": 2})):
        torch.manual_seed(seed)
        layer = nn.ConvTranspose2d(c, *places, **named)
        out.case(seed=seed)
        out.array("weight", layer.weight.reshape(-1))
        out.array("bias", layer.bias)


if __name__ == "__main__":
    writer = Writer("layers_a.bin")
    for part in (averages, adaptive, unpooling, resizing, padding, transposed):
        part(writer)
    first_weights()
