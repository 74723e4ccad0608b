#!/usr/bin/env python3
"""The rival of `fovea train mnist`, the tutorial's program as people write it: torchvision's MNIST
with transforms, a DataLoader, an epoch on the CPU, the test, the file.

    pytorch_tutorial.py ROOT FILE [THREADS]

ROOT/MNIST/raw must hold the four files unpacked; torchvision does not read them as .gz."""
import sys

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

root, file = sys.argv[1:3]
torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
torch.manual_seed(0)
transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
train_set = datasets.MNIST(root, train=True, transform=transform)
test_set = datasets.MNIST(root, train=False, transform=transform)
train = DataLoader(train_set, batch_size=64, shuffle=True)
test = DataLoader(test_set, batch_size=64)
net = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten(),
    nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10), nn.LogSoftmax(-1))
sgd = optim.SGD(net.parameters(), lr=0.01, momentum=0.5)
for step, (x, y) in enumerate(train):
    sgd.zero_grad()
    loss = F.nll_loss(net(x), y)
    loss.backward()
    sgd.step()
    if step % 100 == 0:
        print("step %d of %d, loss %.6f" % (step, len(train), loss.item()))
net.eval()
with torch.no_grad():
    right = sum((net(x).argmax(1) == y).sum().item() for x, y in test)
print("accuracy %.2f" % (right / 100))
torch.save(net.state_dict(), file)
