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


SCHEDULES = """
sgd lr=0.1 | step 10
sgd lr=0.1 | step 3 gamma=0.7
sgd lr=0.1 | multi_step 5,6,20
sgd lr=0.1 | multi_step 1,30 gamma=0.5
sgd lr=0.1 | exponential 0.9
sgd lr=0.1 | linear
sgd lr=0.1 | linear 0.01 total_iters=20
sgd lr=0.1 | linear 1 end_factor=0.1 total_iters=30
sgd lr=0.1 | constant
sgd lr=0.1 | constant 0.1 total_iters=12
sgd lr=0.1 | cosine 59
sgd lr=0.1 | cosine 10
sgd lr=0.1 | cosine 7 eta_min=0.02
sgd lr=0.1 | cosine 1 eta_min=0.02
sgd lr=0.1 | cosine_warm_restarts 10
sgd lr=0.1 | cosine_warm_restarts 5 T_mult=2 eta_min=0.001
sgd lr=0.1 | cosine_warm_restarts 1 T_mult=3
sgd lr=0.1 momentum=0.9 | one_cycle 0.5 total_steps=60
sgd lr=0.1 momentum=0.9 | one_cycle 0.5 epochs=6 steps_per_epoch=10 pct_start=0.45
sgd lr=0.1 momentum=0.9 | one_cycle 0.5 total_steps=61 anneal_strategy=linear
sgd lr=0.1 momentum=0.9 | one_cycle 0.5 total_steps=60 three_phase
sgd lr=0.1 momentum=0.9 | one_cycle 0.5 total_steps=60 three_phase anneal_strategy=linear pct_start=0.25
sgd lr=0.1 momentum=0.9 | one_cycle 0.5 total_steps=60 base_momentum=0.5 max_momentum=0.99
sgd lr=0.1 momentum=0.9 | one_cycle 0.5 total_steps=60 div_factor=5 final_div_factor=100
sgd lr=0.1 momentum=0.9 | one_cycle 0.5 total_steps=60 no_cycle_momentum
sgd lr=0.1 momentum=0.9 | one_cycle 0.5 total_steps=60 pct_start=0
sgd lr=0.1 momentum=0.9 | one_cycle 0.5 total_steps=60 pct_start=0.9
rmsprop lr=0.1 momentum=0.9 | one_cycle 0.5 total_steps=60
adam lr=0.1 | one_cycle 0.01 total_steps=60
nadam lr=0.1 | one_cycle 0.01 total_steps=70 three_phase
sgd lr=0.1 | plateau
sgd lr=0.1 | plateau patience=2
sgd lr=0.1 | plateau patience=0 factor=0.5
sgd lr=0.1 | plateau max patience=3
sgd lr=0.1 | plateau patience=2 threshold=0.1
sgd lr=0.1 | plateau patience=2 threshold=0.1 threshold_mode=abs
sgd lr=0.1 | plateau max patience=2 threshold=0.1 threshold_mode=abs
sgd lr=0.1 | plateau max patience=1 threshold=0
sgd lr=0.1 | plateau patience=1 cooldown=4
sgd lr=0.1 | plateau patience=1 min_lr=0.003
sgd lr=0.1 | plateau patience=0 eps=0.005
sgd lr=0.1 | constant 0.1 total_iters=4 & exponential 0.9
sgd lr=0.1 | linear 0.2 total_iters=6 & step 10 gamma=0.5 & multi_step 7,31
sgd lr=0.1 | exponential 0.97 & cosine 20 eta_min=0.01
sgd lr=0.1 | linear 0.1 total_iters=5; at 5 cosine 55
sgd lr=0.1 | constant 0.1 total_iters=2; at 2 exponential 0.9
sgd lr=0.1 | exponential 0.9; at 10 step 5; at 30 multi_step 3,4; at 40 cosine 9 eta_min=0.001
sgd lr=0.1 | linear 0.5; at 8 cosine_warm_restarts 4 T_mult=2
sgd lr=0.1 | cosine_warm_restarts 4 T_mult=2; at 11 constant 0.3 total_iters=7
sgd lr=0.1 momentum=0.9 | linear 0.1; at 6 one_cycle 0.7 total_steps=60
sgd lr=0.1 momentum=0.9 | one_cycle 0.7 total_steps=30; at 30 exponential 0.9
"""
SCHEDULE_STEPS = 60
KINDS_OF_SCHEDULE = dict(
    step=(schedulers.StepLR, "step_size"), multi_step=(schedulers.MultiStepLR, "milestones"),
    exponential=(schedulers.ExponentialLR, "gamma"), linear=(schedulers.LinearLR, "start_factor"),
    constant=(schedulers.ConstantLR, "factor"), cosine=(schedulers.CosineAnnealingLR, "T_max"),
    cosine_warm_restarts=(schedulers.CosineAnnealingWarmRestarts, "T_0"),
    one_cycle=(schedulers.OneCycleLR, "max_lr"), plateau=(schedulers.ReduceLROnPlateau, "mode"))


def schedule_of(words, optimizer):
    kind, first = KINDS_OF_SCHEDULE[words[0]]
    if len(words) > 1 and "=" not in words[1]:
        words[1] = first + "=" + words[1]
    args = arguments(words[1:])
    if args.pop("no_cycle_momentum", False):
        args["cycle_momentum"] = False
    if "pct_start" in args:
        args["pct_start"] = float(args["pct_start"])
    return kind(optimizer, **args)


def chain_of(text, optimizer):
    members = [schedule_of(t.split(), optimizer) for t in text.split("&")]
    return schedulers.ChainedScheduler(members) if len(members) > 1 else members[0]


def sequence_of(text, optimizer):
    parts = text.split("; at ")
    milestones = [int(p.split()[0]) for p in parts[1:]]
    members = [chain_of(p.split(None, 1)[1] if i else p, optimizer) for i, p in enumerate(parts)]
    return schedulers.SequentialLR(optimizer, members, milestones) if milestones else members[0]


def momentum_of(group):
    return group["betas"][0] if "betas" in group else group["momentum"]


def bits(numbers):
    return torch.from_numpy(np.array(numbers, np.float64).view(np.int64))


def record_schedules():
    out = Writer("schedule.bin")
    torch.manual_seed(1)
    metric = torch.linspace(2, 0.5, SCHEDULE_STEPS).double() + torch.randn(SCHEDULE_STEPS) / 4
    metric[40] = float("nan")
    for text in SCHEDULES.strip().split("\n"):
        p = torch.nn.Parameter(torch.zeros(1))
        optimizer = optimizer_of(text.split("|")[0], [p])
        schedule = sequence_of(text.split("|")[1], optimizer)
        group = optimizer.param_groups[0]
        lr, momentum = [group["lr"]], [momentum_of(group)]
        for step in range(SCHEDULE_STEPS):
            optimizer.step()
            schedule.step(metric[step]) if " plateau" in text else schedule.step()
            lr.append(group["lr"])
            momentum.append(momentum_of(group))
        out.file.write("case {}\n".format(text).encode())
        out.array("lr", bits(lr))
        out.array("momentum", bits(momentum))
        if " plateau" in text:
            out.array("metric", bits(metric.tolist()))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    record_optimizers()
    record_schedules()
