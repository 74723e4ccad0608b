#!/usr/bin/env python3
"""Records PyTorch's losses and their gradients in loss.bin; see record.py for the format and how to
run it: /usr/bin/python3 tests/golden/record_loss.py

A case has the output x [n,c,h,w] of a net, labels or target, weights, the losses with reduction
none, the one loss of the reduction, and dx, its gradient. Keys that are left out have the default.
"""
import zlib

import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss

from record import Writer, case_line

CLASSES = ("nll", "cross_entropy")
SHAPES = [(1, 2, 1, 1), (5, 4, 1, 1), (17, 10, 1, 1), (1, 3, 2, 2), (2, 4, 2, 3)]
REDUCTIONS = ("mean", "sum", "none", "batch_mean")


def cases():
    for loss in CLASSES:
        for n, c, h, w in SHAPES:
            for reduction in REDUCTIONS:
                yield dict(loss=loss, n=n, c=c, h=h, w=w, reduction=reduction)
        for shape in ((5, 4, 1, 1), (2, 4, 2, 3)):
            base = dict(zip("nchw", shape), loss=loss)
            for reduction in ("mean", "sum", "batch_mean"):
                yield dict(base, reduction=reduction, weight=True, scale=0.25)
                yield dict(base, reduction=reduction, weight=True, ignore_index=0)
            yield dict(base, ignore_index=-100)
            yield dict(base, ignore_index=-100, reduction="none", weight=True)
            yield dict(base, ignore_index=2, scale=-3)
            yield dict(base, ignore_index=-100, all_ignored=True)
            yield dict(base, ignore_index=-100, all_ignored=True, reduction="sum")
    for shape in ((1, 2, 1, 1), (5, 4, 1, 1), (2, 4, 2, 3)):
        base = dict(zip("nchw", shape), loss="cross_entropy")
        for reduction in REDUCTIONS:
            for smoothing in (0.1, 0.875):
                yield dict(base, reduction=reduction, label_smoothing=smoothing)
            yield dict(base, reduction=reduction, label_smoothing=0.1, weight=True, ignore_index=1)
            for weight in (False, True):
                yield dict(base, reduction=reduction, weight=weight, probabilities=True)
                yield dict(base, reduction=reduction, weight=weight, probabilities=True,
                           label_smoothing=0.3, scale=2)
        yield dict(base, ignore_index=-100, all_ignored=True, label_smoothing=0.1)
        yield dict(base, values="large", label_smoothing=0.1)
        yield dict(base, values="large", reduction="none", weight=True)
        yield dict(base, values="large", probabilities=True)
        yield dict(base, values="minus_infinity", reduction="none")
        yield dict(base, values="minus_infinity")
        yield dict(base, values="minus_infinity", label_smoothing=0.1)
        yield dict(base, values="nothing_but_minus_infinity", reduction="sum")
        yield dict(base, values="plus_infinity", reduction="sum")
        yield dict(base, values="nan", reduction="sum")
    yield dict(n=5, c=4, h=1, w=1, loss="nll", values="minus_infinity")
    yield from element_cases()


def element_cases():
    arguments = [dict(loss="mse"), dict(loss="l1"), dict(loss="smooth_l1"),
                 dict(loss="smooth_l1", beta=0.5),
                 dict(loss="huber"), dict(loss="huber", delta=0.5),
                 dict(loss="bce_with_logits"), dict(loss="bce_with_logits", weight=True),
                 dict(loss="bce_with_logits", pos_weight=True),
                 dict(loss="bce_with_logits", weight=True, pos_weight=True),
                 dict(loss="kl_div"), dict(loss="kl_div", log_target=True)]
    arguments += [dict(loss="focal", alpha=alpha, gamma=gamma)
                  for alpha in (-1, 0.25, 0.9) for gamma in (-1, 0.5, 1, 2, 5)]
    for args in arguments:
        for n, c, h, w in ((1, 1, 1, 1), (5, 4, 1, 1), (2, 4, 2, 3)):
            for reduction in REDUCTIONS if c > 1 else ("mean",):
                yield dict(args, n=n, c=c, h=h, w=w, reduction=reduction)
    small = dict(n=4, c=3, h=3, w=2, values="halves")
    large = dict(n=4, c=3, h=2, w=2, values="large")
    for args in arguments[:6]:
        yield dict(small, **args)
        yield dict(large, **args)
    for args in arguments[6:10]:
        yield dict(large, **args)
        yield dict(large, soft=True, reduction="none", **args)
    for args in arguments[12:]:
        yield dict(large, values="wide", soft=True, **args)
    yield dict(large, loss="bce_with_logits", weight=True, weight_each=True, pos_weight=True)
    yield dict(large, loss="mse", scale=0.1)
    yield dict(large, loss="kl_div", scale=0.1)


def values_of(kind, shape):
    x = torch.randn(shape)
    if kind == "large":                             # up to +-10,000
        x = (torch.rand(shape) * 2 - 1) * 10.0 ** torch.randint(0, 5, (shape[0], 1, 1, 1))
    elif kind == "wide":
        x = x * 8
    elif kind == "halves":                          # differences of 0, 0.5 and 1: the kinks
        x = torch.randint(-3, 4, shape) / 2
    elif kind == "minus_infinity":                  # one of each row
        x[:, 1] = -torch.inf
    elif kind == "nothing_but_minus_infinity":
        x[0] = -torch.inf
    elif kind == "plus_infinity":
        x[0, 0] = torch.inf
    elif kind == "nan":
        x[0, 1] = torch.nan
    return x


def labels_of(case, shape):
    labels = torch.randint(0, case["c"], shape)
    ignored = torch.rand(shape) < 1 / 4
    ignored.view(-1)[0] = False
    if case.get("all_ignored"):
        ignored[:] = True
    if case.get("ignore_index") == -100:
        labels[ignored] = -100
    return labels


def target_of(case, x):
    loss = case["loss"]
    if loss in ("mse", "l1", "smooth_l1", "huber"):
        return values_of("halves" if case.get("values") == "halves" else None, x.shape)
    if loss in CLASSES:
        return torch.softmax(2 * torch.randn(x.shape), 1)
    if loss == "kl_div":
        t = torch.softmax(2 * torch.randn(x.shape), 1)
        if case.get("log_target"):
            return t.log()
        t[0, 0] = 0
        return t
    return torch.rand(x.shape) if case.get("soft") else torch.randint(0, 2, x.shape).float()


def loss_of(case, x, wanted, weight, pos_weight, reduction):
    loss = case["loss"]
    if loss in CLASSES:
        x = x if case["h"] * case["w"] > 1 else x.flatten(1)
        wanted = wanted.reshape(x.shape) if case.get("probabilities") else wanted
        args = dict(weight=weight, ignore_index=case.get("ignore_index", -100), reduction=reduction)
        if loss == "nll":
            return F.nll_loss(x, wanted, **args)
        return F.cross_entropy(x, wanted, label_smoothing=case.get("label_smoothing", 0.0), **args)
    if loss == "smooth_l1":
        return F.smooth_l1_loss(x, wanted, beta=case.get("beta", 1.0), reduction=reduction)
    if loss == "huber":
        return F.huber_loss(x, wanted, delta=case.get("delta", 1.0), reduction=reduction)
    if loss == "bce_with_logits":
        weight, pos_weight = (w if w is None or w.ndim > 1 else w.view(-1, 1, 1)
                              for w in (weight, pos_weight))
        return F.binary_cross_entropy_with_logits(x, wanted, weight, None, None, reduction,
                                                  pos_weight)
    if loss == "kl_div":
        return F.kl_div(x, wanted, reduction=reduction, log_target=case.get("log_target", False))
    if loss == "focal":
        return sigmoid_focal_loss(x, wanted, case["alpha"], max(case["gamma"], 0), reduction)
    return {"mse": F.mse_loss, "l1": F.l1_loss}[loss](x, wanted, reduction=reduction)


def record(out, case):
    torch.manual_seed(zlib.crc32(case_line(case).encode()))     # a case keeps its numbers
    shape = tuple(case[k] for k in "nchw")
    x = values_of(case.get("values"), shape)
    if case["loss"] in ("nll", "kl_div"):
        x = torch.log_softmax(x.double(), 1).float()
    dense = case["loss"] not in CLASSES or case.get("probabilities")
    label_shape = shape[:1] + (shape[2:] if shape[2] * shape[3] > 1 else ())
    wanted = target_of(case, x) if dense else labels_of(case, label_shape)
    weight = torch.rand(shape if case.get("weight_each") else case["c"]) + 0.25
    pos_weight = torch.rand(case["c"]) * 3
    out.case(**case)
    out.array("x", x)
    out.array("target" if dense else "labels", wanted)
    if case.get("weight"):
        out.array("weight", weight)
    if case.get("pos_weight"):
        out.array("pos_weight", pos_weight)
    args = (case, x.double().requires_grad_(), wanted.double() if dense else wanted,
            weight.double() if case.get("weight") else None,
            pos_weight.double() if case.get("pos_weight") else None)
    scale, reduction = case.get("scale", 1), case.get("reduction", "mean")
    out.array("losses", scale * loss_of(*args, "none"))
    if reduction == "none":
        return
    value = scale * (loss_of(*args, "sum") / case["n"] if reduction == "batch_mean"
                     else loss_of(*args, reduction))
    value.backward()
    out.array("loss", value.reshape(1))
    out.array("dx", args[1].grad)


if __name__ == "__main__":
    file = Writer("loss.bin")
    for one in cases():
        record(file, one)
