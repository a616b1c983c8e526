"""Times the same work here and in PyTorch, in turn, and prints a JSON line for each kind of work.

    python benches/compare_pytorch.py [--alternations 5] [--threads 2]

Needs torch, and Rust to build the other side. Both programs run with the same number of threads, one after the other, so
that neither disturbs the other; a number is the median over the alternations of each program's own medians. Run it on a
machine that does nothing else. A line reads {"work": ..., "ours_ms": ..., "pytorch_ms": ..., "ratio": ours / pytorch}.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIME, FEATURES, HIDDEN, WIDTH = 105, 12, 96, 64
ELEMENTS = (3_360, 26_880, 430_080)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--alternations", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--pytorch-side", action="store_true", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.pytorch_side:
        pytorch_side(chosen.threads)
    else:
        compare(chosen.alternations, chosen.threads)


def compare(alternations, threads):
    build = ["cargo", "build", "--release", "--example", "time_steps"]
    subprocess.run(build, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    ours = [str(target / "release" / "examples" / "time_steps")]
    pytorch = [sys.executable, __file__, "--pytorch-side", "--threads", str(threads)]
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    times = {}
    for _ in range(alternations):
        for side, command in (("ours", ours), ("pytorch", pytorch)):
            for line in lines(command, environment):
                times.setdefault(line["work"], {}).setdefault(side, []).append(line["ms"])
    for work, sides in times.items():
        a, b = (statistics.median(sides[side]) for side in ("ours", "pytorch"))
        row = {"work": work, "ours_ms": round(a, 4), "pytorch_ms": round(b, 4), "ratio": round(a / b, 3)}
        print(json.dumps(row), flush=True)


def lines(command, environment):
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def pytorch_side(threads):
    import torch
    import torch.nn.functional as F
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(0)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.input_dropout, self.head_dropout = nn.Dropout(0.3), nn.Dropout(0.6)
            self.lstm = nn.LSTM(FEATURES, HIDDEN, batch_first=True, bidirectional=True)
            self.projection = nn.Linear(2 * HIDDEN, WIDTH)
            self.kind, self.pointers = nn.Linear(WIDTH, 3), nn.Linear(WIDTH, 2)
            self.binary, self.countdown = nn.Linear(2 * HIDDEN, 1), nn.Linear(2 * HIDDEN, 1)
            self.log_sigma = nn.Parameter(torch.tensor([0.0, -0.3, 0.0, 0.0]))

        def forward(self, inputs):
            shared, _ = self.lstm(self.input_dropout(inputs))
            pooled = F.relu(self.projection(shared.mean(1)))
            drop = self.head_dropout
            return (
                self.kind(drop(pooled)),
                self.pointers(drop(pooled)).sigmoid(),
                self.binary(drop(shared)).squeeze(-1),
                self.countdown(drop(shared)).squeeze(-1),
            )

    def targets(size):
        start = torch.randint(10, TIME - 16, (size, 1)).float()
        length = torch.randint(2, 15, (size, 1)).float()
        bars = torch.arange(TIME).float()
        inside = ((bars >= start) & (bars <= start + length)).float()
        pointers = torch.cat([start + length / 2, length], 1) / TIME
        return torch.randint(0, 3, (size,)), pointers, inside, (start - bars).clamp(-20, 20)

    def training(size):
        network = Network().train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
        inputs, (kinds, pointers, inside, countdown) = torch.randn(size, TIME, FEATURES), targets(size)

        def step():
            a, b, c, d = network(inputs)
            losses = torch.stack([
                F.cross_entropy(a, kinds),
                F.huber_loss(b, pointers, delta=0.08),
                F.binary_cross_entropy_with_logits(c, inside),
                F.huber_loss(d, countdown, delta=1.0),
            ])
            sigma = network.log_sigma
            objective = (0.5 * torch.exp(-2.0 * sigma) * losses + sigma).sum()
            optimizer.zero_grad(set_to_none=True)
            objective.backward()
            optimizer.step()

        return step

    def inference(size):
        network, inputs = Network().eval(), torch.randn(size, TIME, FEATURES)

        def run():
            with torch.inference_mode():
                network(inputs)

        return run

    def gradient(inputs, loss):
        def run():
            leaf = inputs.detach().requires_grad_()
            loss(leaf).backward()

        return run

    for size in (8, 32, 128):
        report(f"train_step B={size}", training(size))
    for size in (1, 32):
        report(f"inference B={size}", inference(size))
    for n in ELEMENTS:
        predictions, answers = torch.randn(n), torch.randint(0, 2, (n,)).float()
        logits, classes = torch.randn(n, 3), torch.arange(n) % 3
        report(f"huber {n}", gradient(predictions, lambda p: F.huber_loss(p, answers)))
        bce = F.binary_cross_entropy_with_logits
        report(f"bce {n}", gradient(predictions, lambda p: bce(p, answers)))
        report(f"cross_entropy {n}x3", gradient(logits, lambda x: F.cross_entropy(x, classes)))


def report(work, repeat):
    for _ in range(5):
        repeat()
    began, times = time.perf_counter(), []
    while len(times) < 10 or time.perf_counter() - began < 0.5:
        start = time.perf_counter()
        repeat()
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"work": work, "ms": statistics.median(times)}), flush=True)


if __name__ == "__main__":
    main()
