#!/usr/bin/env python3
"""Records what torchvision makes of pictures, with which tests/test_transforms.c compares.

Run by hand from the repository's root; needs torch, torchvision and PIL:

    /usr/bin/python3 tests/golden/record_transforms.py

It writes transforms.bin beside itself, in the format that record.py describes. Pictures are bytes
[C,H,W], eight to an i64, the last one filled up with zeros; numbers are f32.
    case picture=NAME channels= height= width=     a picture that the cases behind it use
    case in=NAME channels= height= width= | TEXT   what comes out of the transform TEXT
    case do=OPERATION ...                          what comes out of an operation by itself
Chance has no part in it: each range is one value.
"""
import os

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode as I
from torchvision.transforms import RandAugment, TrivialAugmentWide
from torchvision.transforms.autoaugment import _apply_op
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
    yield from color_cases()
    yield from filter_cases()
    yield from warp_cases()


def color_cases():
    for name in "color", "gray", "dim", "flat":
        yield name, "invert", F.invert
        yield name, "random_autocontrast p=1", F.autocontrast
        yield name, "random_equalize p=1", F.equalize
        yield name, "grayscale", F.to_grayscale
        yield name, "grayscale 3", lambda x: F.to_grayscale(x, 3)
        for bits in 1, 4, 8:
            yield name, "posterize {}".format(bits), lambda x, b=bits: F.posterize(x, b)
        for threshold in 0, 100, 170.5, 256:
            yield (name, "solarize {}".format(threshold),
                   lambda x, t=threshold: F.solarize(x, t))
        for what, function in (("brightness", F.adjust_brightness),
                               ("contrast", F.adjust_contrast),
                               ("saturation", F.adjust_saturation)):
            for factor in (0, 0.3, 0.75, 1.4, 3):
                yield (name, "color_jitter {0}={1},{1}".format(what, factor),
                       lambda x, f=function, a=factor: f(x, a))
        for turns in (-0.5, -0.13, 0.004, 0.25, 0.5):
            yield (name, "color_jitter hue={0},{0}".format(turns),
                   lambda x, t=turns: F.adjust_hue(x, t))
    yield "color", "random_grayscale p=1", lambda x: F.to_grayscale(x, 3)


def filter_cases():
    for name in "color", "gray", "flat":
        for factor in (0, 0.5, 1, 1.7, 4):
            yield (name, "sharpness {}".format(factor),
                   lambda x, f=factor: F.adjust_sharpness(x, f))
        for size, text in ([3, 3], "3"), ([7, 5], "5x7"), ([7, 7], "7"):
            for sigma in (0.3, 1, 2.5):
                yield (name, "gaussian_blur {} sigma={}".format(text, sigma),
                       lambda x, k=size, s=sigma: F.gaussian_blur(x, k, s))


def warp_cases():
    for way in WAYS:
        for angle in (0, 30, 90, -90, 180, 217.3, 720):
            for expand in False, True:
                yield ("gray", "rotation {0},{0} {1} {2} fill=50".format(
                    angle, way, str(expand).lower()),
                    lambda x, a=angle, w=way, e=expand: F.rotate(x, a, WAYS[w], e, fill=50))
        yield ("square", "rotation 90,90 " + way, lambda x, w=way: F.rotate(x, 90, WAYS[w]))
        yield ("square", "rotation 270,270 " + way, lambda x, w=way: F.rotate(x, 270, WAYS[w]))
        yield ("color", "rotation 12,12 {} center=3,5 fill=1,2,3".format(way),
               lambda x, w=way: F.rotate(x, 12, WAYS[w], False, [3, 5], [1, 2, 3]))
        yield ("color", "affine 0,0 interpolation=" + way,
               lambda x, w=way: F.affine(x, 0, [0, 0], 1, [0, 0], WAYS[w]))
        yield ("color", "affine 25,25 scale=1.3,1.3 shear=10,10 fill=7 interpolation=" + way,
               lambda x, w=way: F.affine(x, 25, [0, 0], 1.3, [10, 0], WAYS[w], fill=7))
        yield ("gray", "affine -40,-40 scale=0.6,0.6 shear=-5,-5,20,20 center=2,9 interpolation="
               + way,
               lambda x, w=way: F.affine(x, -40, [0, 0], 0.6, [-5, 20], WAYS[w], center=[2, 9]))
        yield ("square", "affine 0,0 scale=1.7,1.7 interpolation=" + way,
               lambda x, w=way: F.affine(x, 0, [0, 0], 1.7, [0, 0], WAYS[w]))


def operations(out):
    """What no text can pin: translations, perspectives."""
    planes = PICTURES["color"]
    for way in WAYS:
        for angle, x, y, scale in (0, 3, -2, 1), (15, -4, 5, 0.9):
            image = F.affine(to_pil(planes), angle, [x, y], scale, [8, -3], WAYS[way], [9, 8, 7])
            out.line("case do=affine way={} angle={} x={} y={} scale={} {}".format(
                way, angle, x, y, scale, shape(planes)))
            out.bytes("y", to_planes(image))
    height, width = planes.shape[1:]
    starts = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
    ends = [[3, 1], [20, 4], [18, 16], [1, 17]]
    matrix = F._get_perspective_coeffs(starts, ends)
    for way in WAYS:
        image = F.perspective(to_pil(planes), starts, ends, WAYS[way], [9, 8, 7])
        out.line("case do=perspective way={} {}".format(way, shape(planes)))
        out.array("ends", "i64", np.array(ends, "<i8").ravel())
        out.array("m", "f32", np.array(matrix, "<f4"))
        out.bytes("y", to_planes(image))


def float_cases():
    mean, std = [0.49, 0.48, 0.45], [0.2, 0.25, 0.3]
    yield "color", "to_tensor", F.to_tensor
    yield ("color", "to_tensor; normalize mean=0.49,0.48,0.45 std=0.2,0.25,0.3",
           lambda x: F.normalize(F.to_tensor(x), mean, std))
    yield ("gray", "to_tensor; normalize mean=0.1307 std=0.3081",
           lambda x: F.normalize(F.to_tensor(x), [0.1307], [0.3081]))


# In the order of fv_policy_op.
OPERATIONS = list(RandAugment()._augmentation_space(31, (1, 1))) + ["Invert"]


def policies(out):
    """Magnitudes of the automatic policies, and what their operations do."""
    for wide, bins, height, width in ((0, 31, 32, 32), (0, 10, 224, 199), (0, 2, 5, 7),
                                      (1, 31, 9, 9)):
        space = (TrivialAugmentWide()._augmentation_space(bins) if wide
                 else RandAugment()._augmentation_space(bins, (height, width)))
        out.line("case do=magnitudes channels=1 wide={} bins={} height={} width={}".format(
            wide, bins, height, width))
        for name, (values, signed) in space.items():
            values = values.float().numpy() if values.ndim else np.zeros(bins)
            out.array(name, "f32", values.astype("<f4"))
    magnitudes = {"Posterize": [1, 5], "Solarize": [0.0, 85.0], "TranslateX": [0.4, -3.9],
                  "TranslateY": [2.0, -3.9]}
    for op, name in enumerate(OPERATIONS):
        for magnitude in magnitudes.get(name, [0.7123457, -0.3312349]):
            image = _apply_op(to_pil(PICTURES["color"]), name, magnitude, I.BILINEAR, [9, 8, 7])
            planes = to_planes(image)
            out.line("case do=policy op={} magnitude={} {}".format(op, magnitude, shape(planes)))
            out.bytes("y", planes)


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
    operations(out)
    policies(out)


if __name__ == "__main__":
    main()
