#!/usr/bin/env python3
"""Records PyTorch's optimizers and schedules, with which test_optim.c and test_schedule.c compare.
Run by hand: it writes optim.bin and schedule.bin.

optim.bin: the first case holds where all start, [4,5] and [4], and the 50 gradients that all take. In
the others the line is Fovea's text of the optimizer, and p has the parameters after 10, 20, ..., 50
steps, in float64. Lion is not in PyTorch: it is written out here as in arXiv:2302.06675, algorithm 2.

schedule.bin: the line is Fovea's text of the optimizer and, behind a bar, of the schedule; lr has the
learning rates before each step and after the last, momentum the momentums likewise, both as the bits
of doubles. metric, where it is there, has what the schedule was told.
"""
import warnings

import numpy as np
import torch
import torch.optim.lr_scheduler as schedulers

from record import Writer

STEPS = 50


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0, maximize=False):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay,
                                      maximize=maximize))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                g = -p.grad if group["maximize"] else p.grad
                b1, b2 = group["betas"]
                c = b1 * m + (1 - b1) * g
                p -= group["lr"] * (torch.sign(c) + group["weight_decay"] * p)
                m.copy_(b2 * m + (1 - b2) * g)


KINDS = dict(sgd=torch.optim.SGD, adam=torch.optim.Adam, adamw=torch.optim.AdamW,
             nadam=torch.optim.NAdam, radam=torch.optim.RAdam, lion=Lion,
             adagrad=torch.optim.Adagrad, adadelta=torch.optim.Adadelta,
             rmsprop=torch.optim.RMSprop)

OPTIMIZERS = """
sgd lr=0.1 momentum=0.9 weight_decay=0.01 nesterov
adam
adam lr=0.05
adam lr=0.05 betas=0.8,0.99
adam lr=0.05 betas=0,0.9
adam lr=0.05 betas=0.9,0
adam lr=0.05 eps=0.1
adam lr=0.05 eps=0
adam lr=0.05 weight_decay=0.2
adam lr=0.05 betas=0.9,0.9 amsgrad
adam lr=0.05 maximize
adam lr=0.05 weight_decay=0.2 betas=0.9,0.9 eps=0.01 amsgrad maximize
adamw
adamw lr=0.05
adamw lr=0.05 weight_decay=0
adamw lr=0.05 weight_decay=0.2 betas=0.7,0.95 eps=0.001
adamw lr=0.05 betas=0.9,0.9 amsgrad
adamw lr=0.05 maximize
nadam
nadam lr=0.05
nadam lr=0.05 betas=0.8,0.99
nadam lr=0.05 eps=0.1
nadam lr=0.05 weight_decay=0.2
nadam lr=0.05 momentum_decay=0.1
nadam lr=0.05 momentum_decay=0
radam
radam lr=0.05
radam lr=0.05 betas=0.8,0.99
radam lr=0.05 betas=0.8,0.5
radam lr=0.05 eps=0.1
radam lr=0.05 weight_decay=0.2
lion
lion lr=0.01
lion lr=0.01 betas=0.5,0.8
lion lr=0.01 weight_decay=0.2
lion lr=0.01 maximize
adagrad
adagrad lr=0.3
adagrad lr=0.3 lr_decay=0.1
adagrad lr=0.3 weight_decay=0.2
adagrad lr=0.3 initial_accumulator_value=0.5
adagrad lr=0.3 eps=0.1
adagrad lr=0.3 maximize
adadelta
adadelta lr=5
adadelta lr=5 rho=0.5
adadelta lr=5 rho=0
adadelta lr=5 eps=0.01
adadelta lr=5 weight_decay=0.2
adadelta lr=5 maximize
rmsprop
rmsprop lr=0.02
rmsprop lr=0.02 alpha=0.8
rmsprop lr=0.02 alpha=0
rmsprop lr=0.02 eps=0.1
rmsprop lr=0.02 weight_decay=0.2
rmsprop lr=0.02 momentum=0.9
rmsprop lr=0.02 alpha=0.9 centered
rmsprop lr=0.02 maximize
rmsprop lr=0.02 alpha=0.8 weight_decay=0.2 momentum=0.5 centered
"""


def value_of(text):
    if text in ("true", "false"):
        return text == "true"
    numbers = [float(t) if set(t) & set(".e") else int(t) for t in text.split(",") if t[:1].isdigit()]
    return text if not numbers else numbers[0] if len(numbers) == 1 else tuple(numbers)


def arguments(words):
    return {k: value_of(v or "true") for k, _, v in (w.partition("=") for w in words)}


def optimizer_of(text, parameters):
    words = text.split()
    kind = KINDS[words[0]]
    args = arguments(words[1:])
    if kind is torch.optim.SGD:
        args.setdefault("lr", 0.001)
    if kind is torch.optim.NAdam:
        args["foreach"] = True  # the other path of 1.13 has one factor too many
    return kind(parameters, **args)


def record_optimizers():
    torch.manual_seed(0)
    weight, bias, g = torch.randn(4, 5), torch.randn(4), torch.randn(STEPS, 24)
    out = Writer("optim.bin")
    out.case(problem="linear", steps=STEPS)
    out.array("weight", weight)
    out.array("bias", bias)
    out.array("g", g)
    for text in OPTIMIZERS.strip().split("\n"):
        p = [torch.nn.Parameter(t.double()) for t in (weight, bias)]
        optimizer, seen = optimizer_of(text, p), []
        for step in range(STEPS):
            p[0].grad, p[1].grad = g[step, :20].view(4, 5).double(), g[step, 20:].double()
            optimizer.step()
            if step % 10 == 9:
                seen.append(torch.cat([q.detach().flatten() for q in p]))
        out.file.write("case {}\n".format(text).encode())
        out.array("p", torch.stack(seen))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    record_optimizers()
