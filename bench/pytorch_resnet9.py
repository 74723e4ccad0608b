#!/usr/bin/env python3
"""The work of resnet9.c in PyTorch.   pytorch_resnet9.py [THREADS]"""
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
BATCH, STEPS = 64, 5


def conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o),
                         nn.ReLU(inplace=True))


class Resnet9(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = conv(3, 64), conv(64, 128)
        self.res1 = nn.Sequential(conv(128, 128), conv(128, 128))
        self.conv3, self.conv4 = conv(128, 256), conv(256, 512)
        self.res2 = nn.Sequential(conv(512, 512), conv(512, 512))
        self.linear = nn.Linear(512, 10)

    def forward(self, x):
        x = F.max_pool2d(self.conv2(self.conv1(x)), 2)
        x = F.max_pool2d(self.conv3(self.res1(x) + x), 2)
        x = F.max_pool2d(self.conv4(x), 2)
        return self.linear(torch.flatten(F.max_pool2d(self.res2(x) + x, 4), 1))


x = torch.rand(BATCH, 3, 32, 32)
y = torch.arange(BATCH) % 10
net = Resnet9()
sgd = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)


def step():
    start = time.perf_counter()
    sgd.zero_grad()
    F.cross_entropy(net(x), y).backward()
    sgd.step()
    return time.perf_counter() - start


step()
print("step %.4f" % sorted(step() for _ in range(STEPS))[STEPS // 2])
