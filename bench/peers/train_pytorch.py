"""Peer of bench_train: the same pre-training step in plain PyTorch. One call per view and per prediction, stock AdamW,
moving average parameter by parameter, Pillow augmentation in the workers of a DataLoader.

Requests, one JSON object per line:
  {"do": "load", "file": F}                   weights, one batch and films from a safetensors file
  {"do": "loss"}                              loss of that batch
  {"do": "fit", "updates": N}                 loss of that batch after N updates on it
  {"do": "train", "steps": N, "bf16": false}  seconds per step, loading included
  {"do": "cpu"}                               processor seconds per step of the last "train", workers included
"""
import json
import math
import os
import random
import struct
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.transforms.functional as V
from PIL import Image, ImageFilter
from torch import nn
from torchvision.transforms import InterpolationMode

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TYPES = {"F32": np.float32, "I64": np.int64, "U8": np.uint8}


def read_safetensors(path):
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        array = np.frombuffer(data[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.copy())
    return tensors


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, c))


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn, self.mlp = Attention(width, heads), Mlp(width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def rows(x, index):
    return torch.gather(x, 1, index.unsqueeze(-1).expand(-1, -1, x.shape[-1]))


class PatchEmbed(nn.Module):
    def __init__(self, width, patch):
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.patch_embed = PatchEmbed(c["width"], c["patch"])
        self.pos_embed = nn.Parameter(torch.zeros(1, c["grid"] ** 2, c["width"]), requires_grad=False)
        self.blocks = nn.ModuleList(Block(c["width"], c["heads"]) for _ in range(c["depth"]))
        self.norm = nn.LayerNorm(c["width"], eps=1e-6)

    def forward(self, images, index=None):
        x = self.patch_embed(images) + self.pos_embed
        if index is not None:
            x = rows(x, index)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class Predictor(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.grid, self.width = c["grid"], c["pred_width"]
        self.predictor_embed = nn.Linear(c["width"], self.width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, self.width))
        self.predictor_pos_embed = nn.Parameter(torch.zeros(1, self.grid ** 2, self.width), requires_grad=False)
        self.predictor_blocks = nn.ModuleList(Block(self.width, c["heads"]) for _ in range(c["pred_depth"]))
        self.predictor_norm = nn.LayerNorm(self.width, eps=1e-6)
        self.predictor_proj = nn.Linear(self.width, c["width"])
        self.policy_net = nn.Sequential(nn.Linear(self.width + 5, self.width), nn.ReLU(),
                                        nn.Linear(self.width, self.width), nn.ReLU(),
                                        nn.Linear(self.width, self.width))

    def forward(self, context, context_index, target_index, action, query_positions):
        b, k = target_index.shape
        x = self.predictor_embed(context) + rows(self.predictor_pos_embed.expand(b, -1, -1), context_index)
        queries = self.mask_token + query_positions
        queries = self.policy_net(torch.cat([queries, action.unsqueeze(1).expand(-1, k, -1)], -1))
        x = torch.cat([x, queries], 1)
        for block in self.predictor_blocks:
            x = block(x)
        return self.predictor_proj(self.predictor_norm(x)[:, -k:])


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.encoder, self.target_encoder, self.predictor = Encoder(c), Encoder(c), Predictor(c)
        for parameter in self.target_encoder.parameters():
            parameter.requires_grad_(False)

    def target(self, images):
        with torch.no_grad():
            x = self.target_encoder(images)
            return F.layer_norm(x, x.shape[-1:])

    def forward(self, b):
        h1, h2 = self.target(b["view1"]), self.target(b["view2"])
        z1 = self.encoder(b["augmented1"], b["context1"])
        z2 = self.encoder(b["augmented2"], b["context2"])

        def term(z, context, target, action, queries, h):
            return F.mse_loss(self.predictor(z, context, target, action, queries).float(), rows(h, target).float())

        l11 = term(z1, b["context1"], b["target1"], b["action1"], b["query11"], h1)
        l22 = term(z2, b["context2"], b["target2"], b["action2"], b["query22"], h2)
        l21 = term(z1, b["context1"], b["target2"], b["action1"], b["query21"], h2)
        l12 = term(z2, b["context2"], b["target1"], b["action2"], b["query12"], h1)
        return ((l11 + l22) / 2 + (l21 + l12) / 2) / 2


def draw_action():
    tone = [random.uniform(0.6, 1.4), random.uniform(0.6, 1.4), math.exp(random.uniform(math.log(0.5), math.log(2)))]
    tone = tone if random.random() < 0.8 else [1, 1, 1]
    return tone + [random.uniform(0.1, 2) if random.random() < 0.2 else 0, 0]


def augmented(view, action):
    for step, value in zip((V.adjust_brightness, V.adjust_contrast, V.adjust_gamma), action):
        view = step(view, value) if value != 1 else view
    return view.filter(ImageFilter.GaussianBlur(action[3])) if action[3] > 0 else view


def network_input(picture):
    return V.normalize(V.to_tensor(picture), MEAN, STD)


class Films(torch.utils.data.Dataset):
    def __init__(self, films, size):
        self.films, self.size = films, size

    def __len__(self):
        return 1 << 20

    def __getitem__(self, index):
        film = Image.fromarray(self.films[index % len(self.films)].numpy()).convert("RGB")
        if random.random() < 0.8:
            film = V.adjust_contrast(V.adjust_brightness(film, random.uniform(0.6, 1.4)), random.uniform(0.6, 1.4))
        area = film.width * film.height * random.uniform(0.3, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = (min(round(math.sqrt(area * ratio)), film.width), min(round(math.sqrt(area / ratio)), film.height))
        sample = []
        for _ in range(2):
            source = V.hflip(film) if random.random() < 0.5 else film
            top, left = random.randint(0, film.height - h), random.randint(0, film.width - w)
            view = V.resized_crop(source, top, left, h, w, [self.size, self.size], InterpolationMode.BICUBIC)
            action = draw_action()
            sample += [network_input(view), network_input(augmented(view, action)), torch.tensor(action).float()]
        return sample


class Peer:
    def load(self, request):
        tensors = read_safetensors(request["file"])
        self.config = request["config"]
        self.films = [f for f in tensors.pop("films")]
        self.weights = {k[6:]: v for k, v in tensors.items() if k.startswith("model/")}
        self.batch = {k[6:]: v for k, v in tensors.items() if k.startswith("batch/")}
        self.loader = None
        torch.set_num_threads(request["threads"])
        self.begin()
        return 0

    def begin(self):
        self.model = Model(self.config)
        self.model.load_state_dict(self.weights, strict=True)
        decay = [p for n, p in self.model.named_parameters() if p.requires_grad and p.ndim > 1 and not n.endswith(".bias")]
        plain = [p for n, p in self.model.named_parameters() if p.requires_grad and (p.ndim <= 1 or n.endswith(".bias"))]
        self.trained = decay + plain
        self.optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05},
                                            {"params": plain, "weight_decay": 0.0}], lr=1e-4)

    def loss(self, request):
        with torch.no_grad():
            return float(self.model(self.batch))

    def fit(self, request):
        self.begin()
        for _ in range(request["updates"]):
            self.update(self.batch, False)
        loss = self.loss(request)
        self.begin()
        return loss

    def step(self, sample, bf16):
        # Masks and query positions are those of the batch that came with the weights: drawing them costs little.
        batch = dict(self.batch)
        batch["view1"], batch["augmented1"], batch["action1"] = sample[:3]
        batch["view2"], batch["augmented2"], batch["action2"] = sample[3:]
        return self.update(batch, bf16)

    def update(self, batch, bf16):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = self.model(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        with torch.no_grad():
            for t, s in zip(self.model.target_encoder.parameters(), self.model.encoder.parameters()):
                t.mul_(0.996).add_(s, alpha=0.004)
        return float(loss)

    def train(self, request):
        if self.loader is None:
            films = Films(self.films, self.config["size"])
            self.loader = iter(torch.utils.data.DataLoader(films, self.config["batch"], num_workers=request["workers"]))
        start, cpu = time.perf_counter(), self.cpu_seconds()
        for _ in range(request["steps"]):
            self.step(next(self.loader), request["bf16"])
        self.cpu_per_step = (self.cpu_seconds() - cpu) / request["steps"]
        return (time.perf_counter() - start) / request["steps"]

    def cpu_seconds(self):
        seconds = time.process_time()
        for worker in self.loader._workers:
            fields = open(f"/proc/{worker.pid}/stat").read().rpartition(")")[2].split()
            seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # user and system time
        return seconds

    def cpu(self, request):
        return self.cpu_per_step


peer = Peer()
for line in sys.stdin:
    order = json.loads(line)
    try:
        print(getattr(peer, order["do"])(order), flush=True)
    except Exception as error:  # one line, so that the benchmark can show it
        print("error:", repr(error).replace("\n", " "), flush=True)
