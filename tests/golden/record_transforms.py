#!/usr/bin/env python3
"""Records what torchvision makes of pictures, with which tests/test_transforms.c compares.

Run by hand from the repository's root; needs torch, torchvision and PIL:

    /usr/bin/python3 tests/golden/record_transforms.py

It writes transforms.bin beside itself, in the format that record.py describes. Pictures are bytes
[C,H,W], eight to an i64, the last one filled up with zeros; numbers are f32.
    case picture=NAME channels= height= width=     a picture that the cases behind it use
    case in=NAME channels= height= width= | TEXT   what comes out of the transform TEXT
Chance has no part in it: each range is one value.
"""
import os

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode as I
from torchvision.transforms import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
WAYS = {"nearest": I.NEAREST, "bilinear": I.BILINEAR, "bicubic": I.BICUBIC}


class Writer:
    def __init__(self, name):
        self.file = open(os.path.join(HERE, name), "wb")

    def line(self, text):
        self.file.write((text + "\n").encode())

    def array(self, name, kind, data):
        line = "{} {} 1 {}".format(name, kind, data.size)
        line += " " * (-(self.file.tell() + len(line) + 1) % 8) + "\n"
        self.file.write(line.encode() + data.tobytes())

    def bytes(self, name, planes):
        flat = planes.astype(np.uint8).ravel()
        flat = np.concatenate([flat, np.zeros(-flat.size % 8, np.uint8)])
        self.array(name, "i64", flat.view("<i8"))


def picture(channels, height, width, seed):
    """Waves and noise; some of it is black and white."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = [140 + 120 * np.sin(x / (3 + c) + y / (4 - c) + c) for c in range(channels)]
    planes = np.stack(planes) + random.normal(0, 25, (channels, height, width))
    return planes.clip(0, 255).astype(np.uint8)


def to_pil(planes):
    return Image.fromarray(planes[0] if planes.shape[0] == 1 else planes.transpose(1, 2, 0))


def to_planes(image):
    array = np.asarray(image)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


PICTURES = {"color": picture(3, 19, 23, 1), "gray": picture(1, 17, 14, 2),
            "square": picture(3, 16, 16, 3), "dim": picture(3, 12, 18, 4) // 3 + 40,
            "flat": np.full((3, 8, 8), 77, np.uint8)}


def shape(planes):
    return "channels={} height={} width={}".format(*planes.shape)


def cases():
    """(name of the picture, Fovea's text, function of a PIL image)."""
    for name in "color", "gray":
        yield name, "flip p=1", F.hflip
        yield name, "vflip p=1", F.vflip
        for size in (10, 30, (11, 29), (19, 8), (40, 23), (5, 4)):
            text = size if isinstance(size, int) else "{}x{}".format(*size)
            size = size if isinstance(size, int) else list(size)
            for way in "nearest", "bilinear", "bicubic":
                yield (name, "resize {} interpolation={}".format(text, way),
                       lambda x, s=size, w=way: F.resize(x, s, WAYS[w]))
        for size in (10, 21, (30, 5), (12, 40)):
            text = size if isinstance(size, int) else "{}x{}".format(*size)
            yield name, "center_crop {}".format(text), lambda x, s=size: F.center_crop(x, s)
        for padding in (3, [4, 1], [1, 2, 3, 4]):
            text = str(padding).strip("[]").replace(" ", "")
            yield (name, "pad {} fill=9".format(text), lambda x, p=padding: F.pad(x, p, 9))
            for mode in "edge", "reflect", "symmetric":
                yield (name, "pad {} padding_mode={}".format(text, mode),
                       lambda x, p=padding, m=mode: F.pad(x, p, 0, m))
    yield "gray", "pad 40 padding_mode=reflect", lambda x: F.pad(x, 40, 0, "reflect")
    yield "gray", "pad 40 padding_mode=symmetric", lambda x: F.pad(x, 40, 0, "symmetric")
    yield "color", "pad 2 fill=10,20,30", lambda x: F.pad(x, 2, (10, 20, 30))


def float_cases():
    mean, std = [0.49, 0.48, 0.45], [0.2, 0.25, 0.3]
    yield "color", "to_tensor", F.to_tensor
    yield ("color", "to_tensor; normalize mean=0.49,0.48,0.45 std=0.2,0.25,0.3",
           lambda x: F.normalize(F.to_tensor(x), mean, std))
    yield ("gray", "to_tensor; normalize mean=0.1307 std=0.3081",
           lambda x: F.normalize(F.to_tensor(x), [0.1307], [0.3081]))


def main():
    out = Writer("transforms.bin")
    for name, planes in PICTURES.items():
        out.line("case picture={} {}".format(name, shape(planes)))
        out.bytes("x", planes)
    for name, text, function in cases():
        planes = to_planes(function(to_pil(PICTURES[name])))
        out.line("case in={} {} | {}".format(name, shape(planes), text))
        out.bytes("y", planes)
    for name, text, function in float_cases():
        planes = function(to_pil(PICTURES[name])).numpy()
        out.line("case in={} {} | {}".format(name, shape(planes), text))
        out.array("f", "f32", planes.astype("<f4"))


if __name__ == "__main__":
    main()
