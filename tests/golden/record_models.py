#!/usr/bin/env python3
"""Records what PyTorch's and torchvision's networks give after torch.manual_seed(7).

Run by hand: it writes models.bin. A case is a model with its input's shape; its array y is the output
in eval mode for x[i] = sin(i), count the number of parameters. test_models.c builds the same.
"""
from collections import OrderedDict

import torch
import torch.nn as nn
import torchvision.models as tv

from record import Writer


class MnistCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv2(torch.relu(self.conv1(x)))), 2)
        return torch.log_softmax(self.fc2(torch.relu(self.fc1(torch.flatten(x, 1)))), dim=1)


def conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


class Resnet9(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = conv(3, 64), conv(64, 128)
        self.res1 = nn.Sequential(conv(128, 128), conv(128, 128))
        self.conv3, self.conv4 = conv(128, 256), conv(256, 512)
        self.res2 = nn.Sequential(conv(512, 512), conv(512, 512))
        self.linear = nn.Linear(512, 10)

    def forward(self, x):
        pool = nn.functional.max_pool2d
        x = pool(self.conv2(self.conv1(x)), 2)
        x = pool(self.conv3(self.res1(x) + x), 2)
        x = pool(self.conv4(x), 2)
        return self.linear(torch.flatten(pool(self.res2(x) + x, 4), 1))


def mlp():
    return nn.Sequential(OrderedDict(
        flatten=nn.Flatten(), fc1=nn.Linear(784, 256), r1=nn.ReLU(), fc2=nn.Linear(256, 128),
        r2=nn.ReLU(), fc3=nn.Linear(128, 10)))


MODELS = [
    ("mnist-cnn", MnistCnn, (1, 28, 28)),
    ("mlp", mlp, (1, 28, 28)),
    ("resnet9", Resnet9, (3, 32, 32)),
    ("vgg11", lambda: tv.vgg11(num_classes=10), (3, 32, 32)),
    ("resnet18", lambda: tv.resnet18(num_classes=10), (3, 64, 64)),
    ("resnet50", lambda: tv.resnet50(num_classes=10), (3, 32, 64)),
    ("mobilenet-v2", lambda: tv.mobilenet_v2(num_classes=10), (3, 64, 64)),
]

if __name__ == "__main__":
    out = Writer("models.bin")
    for name, make, (c, h, w) in MODELS:
        torch.manual_seed(7)
        net = make().eval()
        x = torch.sin(torch.arange(2 * c * h * w, dtype=torch.float64)).float().reshape(2, c, h, w)
        with torch.no_grad():
            y = net.double()(x.double())
        out.case(model=name, c=c, h=h, w=w, count=sum(p.numel() for p in net.parameters()))
        out.array("y", y)
