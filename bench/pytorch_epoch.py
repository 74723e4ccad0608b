#!/usr/bin/env python3
"""The work of epoch.c in PyTorch, without a DataLoader: pixels are normalised and in memory before
the clock starts, which is the fastest way there is.   pytorch_epoch.py [THREADS [SEED]]"""
import gzip
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
torch.manual_seed(int(sys.argv[2]) if len(sys.argv) > 2 else 0)


def idx(name):
    raw = gzip.open("data/MNIST/raw/" + name + ".gz").read()
    dims = np.frombuffer(raw, ">i4", raw[3], 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(dims)


def images(name):
    return ((torch.from_numpy(idx(name).copy()).float() / 255 - 0.1307) / 0.3081)[:, None]


def labels(name):
    return torch.from_numpy(idx(name).astype(np.int64))


x, y = images("train-images-idx3-ubyte"), labels("train-labels-idx1-ubyte")
test_x, test_y = images("t10k-images-idx3-ubyte"), labels("t10k-labels-idx1-ubyte")
net = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten(),
    nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10), nn.LogSoftmax(-1))
sgd = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.5)
start = time.time()
for batch in torch.randperm(len(x)).split(64):
    sgd.zero_grad()
    F.nll_loss(net(x[batch]), y[batch]).backward()
    sgd.step()
trained = time.time()
net.eval()
with torch.no_grad():
    for again in range(2):
        begun = time.time()
        pairs = zip(test_x.split(64), test_y.split(64))
        right = sum((net(a).argmax(1) == b).sum().item() for a, b in pairs)
    tested = time.time() - begun
    singles = []
    for i in range(1020):
        one = test_x[i:i + 1]
        begun = time.perf_counter()
        net(one)
        singles.append(1e6 * (time.perf_counter() - begun))
singles = sorted(singles[20:])
print("train %.3f test %.4f accuracy %.2f latency %.2f late %.2f" % (
    trained - start, tested, right / 100, singles[500], singles[990]))
