"""Peer of bench_decode: pydicom with GDCM's decoders, then Pillow's antialiased bicubic resizing to 224 pixels.

pydicom does not hand RLE and uncompressed pixels to GDCM; it decodes them itself with numpy.
"""
import sys
import time

import numpy
import pydicom
from PIL import Image
from pydicom.uid import RLELossless

SIDE = 224


def handler_for(syntax):
    if syntax == RLELossless:
        return "rle"
    return "gdcm" if syntax.is_compressed else "numpy"


def decode(path):
    dataset = pydicom.dcmread(path)
    dataset.convert_pixel_data(handler_for(dataset.file_meta.TransferSyntaxUID))
    film = Image.fromarray(dataset.pixel_array.astype(numpy.float32), mode="F")
    return film.resize((SIDE, SIDE), Image.BICUBIC)


for line in sys.stdin:
    try:
        start = time.perf_counter()
        decode(line.strip())
        print(time.perf_counter() - start, flush=True)
    except Exception as error:
        print("error:", str(error).replace("\n", " ")[:300], flush=True)
