"""Peer of bench_decode: pydicom with GDCM's decoders, then Pillow's antialiased bicubic resizing to 224 pixels."""
import sys
import time

import numpy
import pydicom
from PIL import Image

SIDE = 224


def decode(path):
    dataset = pydicom.dcmread(path)
    dataset.convert_pixel_data("gdcm" if dataset.file_meta.TransferSyntaxUID.is_compressed else "numpy")
    film = Image.fromarray(dataset.pixel_array.astype(numpy.float32), mode="F")
    return film.resize((SIDE, SIDE), Image.BICUBIC)


for line in sys.stdin:
    try:
        start = time.perf_counter()
        decode(line.strip())
        print(time.perf_counter() - start, flush=True)
    except Exception as error:
        print("error:", str(error).replace("\n", " ")[:300], flush=True)
