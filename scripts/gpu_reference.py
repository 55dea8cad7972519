#!/usr/bin/env python3
"""The algorithm of `perennial bench gpu-train` in plain PyTorch, on the batches and from the weights that it dumped.

    gpu_reference.py DUMP [--losses] [--modes eager_default,graph_default,...] > figures.json

Modes: eager or graph, and a precision. default: as PyTorch comes (32 bits, convolutions in TF32); float32: TF32 off;
bfloat16: torch.autocast, channels-last, cudnn.benchmark, the most that settings give. It does less than the trainer:
no log, no decoding, no replay memory, no augmentation, no check that a step is finite.
"""
import argparse
import json
import pathlib
import statistics
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from torch import nn

TEMPERATURE, DISTILLATION, FRESH_WEIGHT = 4.0, 0.5, 0.3  # trainer/strategy_default.h


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.direct = inputs == outputs and stride == 1
        if not self.direct:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut_norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(y + (x if self.direct else self.shortcut_norm(self.shortcut(x))))


class ResNet18(nn.Module):
    def __init__(self, labels):
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(64)
        self.blocks, channels = [], 64
        for stage in range(4):
            for block in range(2):
                name = f"stage{stage}_block{block}"
                self.add_module(name, Block(channels, 64 << stage, 2 if stage > 0 and block == 0 else 1))
                channels = 64 << stage
                self.blocks.append(name)
        self.head = nn.Linear(512, labels)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        for name in self.blocks:
            x = getattr(self, name)(x)
        return self.head(x.mean((2, 3)))


class Dump:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.options = json.loads((folder / "options.json").read_text())
        self.steps = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
        pixels = numpy.fromfile(folder / "pixels.u8", numpy.uint8).reshape(-1, 32, 32, 3)
        targets = numpy.fromfile(folder / "targets.i64", numpy.int64)
        offsets = numpy.fromfile(folder / "offsets.u64", numpy.uint64).astype(numpy.int64)
        recent = numpy.fromfile(folder / "recent.u8", numpy.uint8)
        row = at = 0
        for step in self.steps:
            rows = slice(row, row + step["rows"])
            step["pixels"] = torch.from_numpy(pixels[rows]).pin_memory()
            step["targets"] = torch.from_numpy(targets[rows]).pin_memory()
            step["offsets"] = torch.from_numpy(offsets[rows]).pin_memory()
            step["recent"] = torch.from_numpy(recent[at:at + step["labels"]].astype(bool)).pin_memory()
            row, at = rows.stop, at + step["labels"]
        self.samples = int(offsets.max()) + 1
        values = torch.from_numpy(numpy.fromfile(folder / "weights.f32", numpy.float32))
        self.weights, at = {}, 0
        for item in json.loads((folder / "weights.json").read_text()):
            size = int(numpy.prod(item["shape"]))
            self.weights[item["name"]] = values[at:at + size].view(item["shape"]).clone()
            at += size


class Trainer:
    def __init__(self, dump, precision):
        self.dump, self.low = dump, precision == "bfloat16"
        torch.backends.cudnn.allow_tf32 = precision != "float32"
        torch.backends.cudnn.benchmark = self.low
        self.student, self.teacher = (self.network() for _ in range(2))
        self.student.train()
        self.teacher.eval().requires_grad_(False)
        self.optimiser = torch.optim.SGD(self.student.parameters(), lr=dump.options["learning_rate"])
        self.moving = [list(net.parameters()) + [b for b in net.buffers() if b.is_floating_point()]
                       for net in (self.teacher, self.student)]
        # A sample's logits when it arrived, by its offset.
        self.stored = torch.full((dump.samples, dump.options["labels"]), float("nan"), device="cuda")

    def network(self):
        net = ResNet18(self.dump.options["labels"])
        missing, unexpected = net.load_state_dict(self.dump.weights, strict=False)
        assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)
        return net.cuda().to(memory_format=torch.channels_last) if self.low else net.cuda()

    def loss(self, pixels, targets, recent, stored, fresh, stored_weight, taught):
        x = pixels.permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1
        x = x if self.low else x.contiguous()
        with torch.autocast("cuda", torch.bfloat16, enabled=self.low):
            logits = self.student(x)
            with torch.no_grad():
                wanted = self.teacher(x)
        logits, wanted = logits.float(), wanted.float()
        loss = F.cross_entropy(logits[:fresh].masked_fill(~recent, -1e4), targets[:fresh])
        if len(targets) > fresh:
            old = logits[fresh:]
            known = ~stored.isnan()
            apart = (old - stored).masked_fill(~known, 0.0).square().sum(1) / known.sum(1).clamp_min(1)
            loss = (FRESH_WEIGHT * loss + (1 - FRESH_WEIGHT) * F.cross_entropy(old, targets[fresh:]) +
                    stored_weight * apart.mean())
            if taught:
                soft = F.softmax(wanted / TEMPERATURE, 1)
                entropy = (soft * soft.clamp_min(1e-12).log()).sum(1)
                cross = (soft * F.log_softmax(logits / TEMPERATURE, 1)).sum(1)
                loss = loss + DISTILLATION * TEMPERATURE**2 * (entropy - cross).mean()
        return loss, wanted

    def step(self, pixels, targets, offsets, recent, fresh, stored_weight, taught, share):
        loss, wanted = self.loss(pixels, targets, recent, self.stored[offsets[fresh:]], fresh, stored_weight, taught)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(*self.moving, share)
            self.stored[offsets[:fresh]] = wanted[:fresh].half().float()
        return loss.detach()

    def arguments(self, data):
        tensors = [data[name].cuda(non_blocking=True) for name in ("pixels", "targets", "offsets", "recent")]
        early = (1 + data["step"]) / (10 + data["step"])
        share = 1 - min(early, self.dump.options["ema_decay"])
        return tensors, (data["fresh"], data["stored_weight"], data["taught"], share)


def losses(dump, precision, count):
    trainer = Trainer(dump, precision)
    out = []
    for data in dump.steps[:count]:
        tensors, numbers = trainer.arguments(data)
        out.append(trainer.step(*tensors, *numbers))
    return torch.stack(out).tolist()


def timed(run, batches, rounds, steps):
    figures = []
    for _ in range(rounds):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for i in range(steps):
            run(batches[i % len(batches)])
        torch.cuda.synchronize()
        figures.append(steps / (time.perf_counter() - begin))
    return statistics.median(figures)


def eager_speed(dump, precision, batches):
    trainer = Trainer(dump, precision)

    def run(data):
        tensors, numbers = trainer.arguments(data)
        trainer.step(*tensors, *numbers)

    timed(run, batches, 1, 30)
    return timed(run, batches, 3, 60)


def graph_speed(dump, precision, batches):
    trainer = Trainer(dump, precision)
    static, numbers = trainer.arguments(batches[0])
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(11):
            trainer.step(*static, *numbers)
    torch.cuda.current_stream().wait_stream(side)
    trainer.optimiser.zero_grad(set_to_none=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        trainer.step(*static, *numbers)

    def run(data):
        for to, name in zip(static, ("pixels", "targets", "offsets", "recent")):
            to.copy_(data[name], non_blocking=True)
        graph.replay()

    timed(run, batches, 1, 50)
    return timed(run, batches, 5, 200)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("--losses", action="store_true", help="write loss_python_PRECISION.json into the dump's folder")
    parser.add_argument("--modes", default="eager_default,graph_default,graph_float32,graph_bfloat16")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("gpu_reference.py: PyTorch finds no CUDA device")
    dump = Dump(arguments.dump)
    full = [data for data in dump.steps if data["taught"] and data["rows"] == 74]
    figures = {"torch": torch.__version__, "card": torch.cuda.get_device_name()}
    for mode in arguments.modes.split(","):
        how, precision = mode.split("_")
        figures[mode] = (graph_speed if how == "graph" else eager_speed)(dump, precision, full)
        print(mode, figures[mode], file=sys.stderr)
    if arguments.losses:
        for precision in ("default", "float32", "bfloat16"):
            curve = losses(dump, precision, len(dump.steps))
            (pathlib.Path(arguments.dump) / f"loss_python_{precision}.json").write_text(json.dumps(curve))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
