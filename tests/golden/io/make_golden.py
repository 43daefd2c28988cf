#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the array files of this folder with numpy, safetensors and torch themselves.

    python3 make_golden.py

Element i (in C order) of every array is ((37 i + 5 s) mod 64 - 32) / 8, exact in all formats, with s = 0 for q, 1 for k, 2 for v.
"""
import pathlib

import numpy
import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent


def values(shape, shift=0):
    index = numpy.arange(int(numpy.prod(shape)))
    return (((37 * index + 5 * shift) % 64 - 32) / 8.0).reshape(shape)


def qkv(shape, dtype=numpy.float32):
    return {name: values(shape, shift).astype(dtype) for shift, name in enumerate("qkv")}


def write_npy(name, array, version=None):
    with open(HERE / name, "wb") as file:
        numpy.lib.format.write_array(file, array, version)


def bfloat16_bits(array):
    return (array.astype(numpy.float32).view(numpy.uint32) >> 16).astype(numpy.uint16)


shape = (3, 4, 5)
for short in ("f2", "f4", "f8"):
    write_npy(f"{short}.npy", values(shape).astype(short))
write_npy("fortran_f8.npy", numpy.asfortranarray(values(shape)))
write_npy("fortran_4d_f2.npy", numpy.asfortranarray(values((2, 3, 4, 5)).astype("f2")))
write_npy("big_endian_f4.npy", values(shape).astype(">f4"))
write_npy("big_endian_f8.npy", values(shape).astype(">f8"))
write_npy("bfloat16_void.npy", bfloat16_bits(values(shape)).view("V2"))
write_npy("bfloat16_uint16.npy", bfloat16_bits(values(shape)))
write_npy("version2.npy", values(shape).astype("f4"), (2, 0))
write_npy("version3.npy", values(shape).astype("f4"), (3, 0))
write_npy("vector.npy", values((7,)).astype("f4"))
write_npy("scalar.npy", values((1,)).astype("f4").reshape(()))
write_npy("int64.npy", numpy.arange(6).reshape(2, 3))
write_npy("structured.npy", numpy.zeros(3, [("a", "f4"), ("b", "i4")]))
numpy.save(HERE / "object.npy", numpy.array([{"a": 1}, None], object), allow_pickle=True)

numpy.savez(HERE / "stored_hnd.npz", **qkv((2, 6, 4), numpy.float64))
numpy.savez_compressed(HERE / "compressed_bhnd.npz", **qkv((2, 3, 6, 4), numpy.float16))
numpy.savez_compressed(HERE / "compressed_fortran.npz", **{k: numpy.asfortranarray(v) for k, v in qkv((2, 6, 4)).items()})
numpy.savez(HERE / "pickled.npz", **{**qkv((6, 4)), "k": numpy.array([{}], object)})

tensors = {name: torch.from_numpy(array) for name, array in qkv((2, 6, 4)).items()}
tensors["k"] = tensors["k"].half()
tensors["v"] = tensors["v"].bfloat16()
tensors["double"] = torch.from_numpy(values((3, 2)))
tensors["counts"] = torch.arange(3)
tensors["empty"] = torch.zeros(0, 4)
save_file(tensors, HERE / "mixed.safetensors", {"causal": "true", "scale": "0.25"})
torch.save({"q": tensors["q"]}, HERE / "pickle.pt")
