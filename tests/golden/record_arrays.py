#!/usr/bin/env python3
"""Writes arrays with NumPy for Fovea's tests to read: small .npy and .npz files in arrays/.

Run by hand from the repository's root:  /usr/bin/python3 tests/golden/record_arrays.py

The elements of an array of n are 0, 1, 2 ... n-1, less 2 where the type has a sign.
"""
import os

import numpy as np

DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "arrays")
os.makedirs(DIR, exist_ok=True)


def save(name, dtype, *shape):
    dtype = np.dtype(dtype)
    start = 0 if dtype.kind == "u" else -2
    values = np.arange(start, start + int(np.prod(shape))).reshape(shape).astype(dtype)
    np.save(os.path.join(DIR, name), values)


for code in "u1", "i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<f4", ">f4", "<f8", ">f8":
    save(code.replace("<", "little_").replace(">", "big_"), code, 2, 3)
save("one", "<f4", 5)
save("four", "<i8", 1, 2, 3, 4)
save("five", "u1", 1, 1, 1, 1, 2)
save("unsigned", "<u2", 3)
np.save(os.path.join(DIR, "bool"), np.array([True, False, True]))
np.save(os.path.join(DIR, "scalar"), np.float32(3))
np.save(os.path.join(DIR, "empty"), np.zeros((0, 3), np.int32))
np.save(os.path.join(DIR, "fortran"), np.asfortranarray(np.zeros((2, 3), np.float32)))
np.save(os.path.join(DIR, "records"), np.zeros(2, [("a", "<f4"), ("b", "<i4")]))
with open(os.path.join(DIR, "version2.npy"), "wb") as file:
    np.lib.format.write_array(file, np.arange(3, dtype=np.float32), version=(2, 0))

images = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)
colours = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
sets = dict(x_train=images, y_train=np.array([1, 0, 2, 1]), x_test=colours,
            y_test=np.array([[3], [0]], np.uint8))
np.savez(os.path.join(DIR, "stored.npz"), **sets)
np.savez_compressed(os.path.join(DIR, "deflated.npz"), **sets)
