"""Peer of bench_augment: the same plans carried out with Pillow and torchvision, seconds per sample."""
import json
import sys
import time

import numpy as np
import torch
import torchvision.transforms.functional as F
from PIL import Image, ImageFilter
from torchvision.transforms import InterpolationMode

torch.set_num_threads(1)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def made_up_film(side):
    y, x = np.mgrid[0:side, 0:side]
    gray = (128 + 90 * np.sin(x * 0.05) * np.cos(y * 0.07) + (x * y) % 7).astype(np.uint8)
    return Image.fromarray(np.stack([gray] * 3, axis=-1))


def jittered(film, sample):
    steps = [(F.adjust_brightness, sample["brightness"]), (F.adjust_contrast, sample["contrast"])]
    for step, factor in reversed(steps) if sample["contrast_first"] else steps:
        if factor != 1:
            film = step(film, factor)
    return film


def context_of(view, action):
    for step, value in zip((F.adjust_brightness, F.adjust_contrast, F.adjust_gamma), action):
        if value != 1:
            view = step(view, value)
    return view.filter(ImageFilter.GaussianBlur(action[3])) if action[3] > 0 else view


def carry_out(film, sample, size):
    film = jittered(film, sample)
    for plan in sample["views"]:
        flipped = F.hflip(film) if plan["flipped"] else film
        view = F.resized_crop(flipped, *plan["crop"], [size, size], InterpolationMode.BICUBIC)
        for picture in (view, context_of(view, plan["action"])):
            F.normalize(F.to_tensor(picture), MEAN, STD)


for line in sys.stdin:
    request = json.loads(line)
    film = made_up_film(request["side"])
    start = time.perf_counter()
    for sample in request["samples"]:
        carry_out(film, sample, request["size"])
    print((time.perf_counter() - start) / len(request["samples"]), flush=True)
