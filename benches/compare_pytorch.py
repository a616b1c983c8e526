"""Measures the same work here and in PyTorch, in turn, and prints a JSON line for each kind of work.

    python benches/compare_pytorch.py [--alternations 5] [--threads 2] [--built PROGRAM]
    python benches/compare_pytorch.py --device cuda|vulkan|wgpu [--alternations 5] [--built PROGRAM]

Needs torch, and Rust to build the other side, examples/time_steps.rs; with --built, a program built from it before is used.
Both programs run with the same number of threads, one after the other, so that neither disturbs the other; a number is the
median over the alternations of each program's own medians. Run it on a machine that does nothing else. The lines, in this
order:

    {"work": ..., "ours_ms": ..., "pytorch_ms": ..., "ratio": ours / pytorch}
        train_step B=8, 32, 128    forward, four losses, uncertainty weighting, backward, AdamW
        train_step upgrad B=32     the same under UPGrad, which needs the gradient of every task; needs torchjd 0.9 or later
        inference B=1, 32, 256     forward, all four heads
        the same, compiled         with torch.compile over the network; left out where it finds no compiler
        huber N, bce N             value and gradient of a loss over N elements: 3360, 26880, 430080
        cross_entropy N (Rx3)      likewise, over R rows of 3 classes, N elements in all; N or R is one of these numbers
    {"work": ..., "ours_ms": ..., "pytorch_ms": null, "ratio": null, "share_of_step": ours / our train_step B=32}
        strategy NAME              weighing four losses and going back to them, less the same for their plain sum
        bars to batch B=32         labels by rule, features, targets and tensors of 32 windows of bars
    {"work": ..., "ours_mib": ..., "pytorch_mib": ..., "ratio": ours / pytorch}
        peak memory of train_step B=128

With --device the network alone is measured, on a GPU: ours on the backend of that name, PyTorch's on CUDA with cuDNN, which needs
an NVIDIA card; both wait for the card after every repetition, at most 1,024 windows. Three more lines have no PyTorch side: a step
and the layer in plain tensor operations, the yardstick for our kernels, and the time until the first step, the longest of all
alternations, since only the first process tunes.

Peak memory is measured in processes that do nothing else: how far the resident memory rises, at its peak, above what it is
once the libraries are loaded and the batch is there, while the model is made and goes ten steps. Only Linux tells it, in
/proc/self/status; elsewhere this line is left out. Progress, and why a line is left out, goes to stderr.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError as error:
    sys.exit(f"compare_pytorch.py needs PyTorch (pip install torch): {error}")

try:
    from torchjd.aggregation import UPGrad
    from torchjd.autojac import jac_to_grad, mtl_backward

    UPGrad()  # It asks for the packages of its solver only now.
    WITHOUT_TORCHJD = None
except ImportError as error:
    WITHOUT_TORCHJD = str(error)

ROOT = Path(__file__).resolve().parent.parent
STATUS = Path("/proc/self/status")
TIME, FEATURES, HIDDEN, WIDTH, CLASSES = 105, 12, 96, 64, 3
ELEMENTS = (3_360, 26_880, 430_080)
COMPILED = ", compiled"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--alternations", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--device", choices=("cpu", "cuda", "vulkan", "wgpu"), default="cpu", help="where both sides run")
    arguments.add_argument("--built", type=Path, metavar="PROGRAM", help="an examples/time_steps.rs that is built already")
    arguments.add_argument("--pytorch-side", action="store_true", help=argparse.SUPPRESS)
    arguments.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.alternations < 1 or chosen.threads < 1:
        arguments.error("--alternations and --threads are at least 1")
    on_gpu = chosen.device != "cpu"
    if on_gpu and not torch.cuda.is_available():
        sys.exit("compare_pytorch.py --device needs a PyTorch with CUDA and an NVIDIA card: torch.cuda.is_available() is false")
    if chosen.pytorch_side and on_gpu:
        pytorch_side_on_gpu()
    elif chosen.pytorch_side:
        pytorch_side(chosen.threads, chosen.memory)
    elif on_gpu:
        compare_on_gpu(chosen.built or build(chosen.device), chosen.alternations, chosen.device)
    else:
        compare(chosen.built or build(), chosen.alternations, chosen.threads)


def build(feature=None):
    features = ["--features", feature] if feature else []
    run("building our side", ["cargo", "build", "--release", "--example", "time_steps", *features], cwd=ROOT)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "release" / "examples" / "time_steps"


def compare(ours, alternations, threads):
    sides = {
        "ours": [str(ours.resolve())],
        "pytorch": [sys.executable, __file__, "--pytorch-side", "--threads", str(threads)],
    }
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    say_without_torchjd()
    times = alternate(sides, [], "ms", alternations, environment)
    step = times["train_step B=32"]["ours"]
    for work, medians in times.items():
        # Ours is not compiled at run time: its one time stands beside both of PyTorch's.
        medians.setdefault("ours", times[work.removesuffix(COMPILED)]["ours"])
        print_row(work, medians, "ms", 5, step)
    if not STATUS.exists() or "VmHWM" not in STATUS.read_text():
        say(f"peak memory is left out: {STATUS} does not tell it on this system")
        return
    for work, medians in alternate(sides, ["--memory"], "mib", alternations, environment).items():
        print_row(work, medians, "mib", 2)


def say_without_torchjd():
    if WITHOUT_TORCHJD:
        say(f"train_step upgrad has no PyTorch side, torchjd or its solver is missing: {WITHOUT_TORCHJD}")
        say('    pip install "torchjd[quadprog-projector]" brings both; 0.9 or later is needed')


def compare_on_gpu(ours, alternations, device):
    sides = {
        "ours": [str(ours.resolve()), "--backend", device],
        "pytorch": [sys.executable, __file__, "--pytorch-side", "--device", device],
    }
    say(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}")
    say_without_torchjd()
    times = alternate(sides, [], "ms", alternations, dict(os.environ))
    step = times["train_step B=32"]["ours"]
    for work, medians in times.items():
        print_row(work, medians, "ms", 5, step)


def alternate(sides, flags, unit, alternations, environment):
    """Runs both sides in turn; the median of every work and side."""
    found = {}
    for alternation in range(1, alternations + 1):
        for side, command in sides.items():
            say(f"alternation {alternation} of {alternations} ({unit}): {side}")
            output = run(f"the {side} side", command + flags, env=environment, capture_output=True, text=True)
            for line in map(json.loads, output.splitlines()):
                found.setdefault(line["work"], {}).setdefault(side, []).append(line[unit])
    summed = {work: max if work.startswith("until the first") else statistics.median for work in found}
    return {work: {side: summed[work](all_) for side, all_ in by_side.items()} for work, by_side in found.items()}


def print_row(work, medians, unit, digits, step=None):
    ours, pytorch = medians["ours"], medians.get("pytorch")
    row = {"work": work, f"ours_{unit}": round(ours, digits)}
    row[f"pytorch_{unit}"] = pytorch and round(pytorch, digits)
    row["ratio"] = pytorch and round(ours / pytorch, 3)
    # Where PyTorch has no such work, its cost is set beside our own step.
    if pytorch is None:
        row["share_of_step"] = round(ours / step, 6)
    print(json.dumps(row), flush=True)


def run(what, command, **how):
    """What a command printed; if it fails, its last words end this program."""
    try:
        done = subprocess.run(command, **how)
    except OSError as error:
        sys.exit(f"{what} failed: {command[0]} does not start: {error}")
    if done.returncode != 0:
        words = f", and said:\n{done.stderr.rstrip()}" if done.stderr else ""
        sys.exit(f"{what} failed: {' '.join(command)} ended with {done.returncode}{words}")
    return done.stdout


def say(words):
    print(words, file=sys.stderr, flush=True)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_dropout, self.head_dropout = nn.Dropout(0.3), nn.Dropout(0.6)
        self.lstm = nn.LSTM(FEATURES, HIDDEN, batch_first=True, bidirectional=True)
        self.projection = nn.Linear(2 * HIDDEN, WIDTH)
        self.kind, self.pointers = nn.Linear(WIDTH, CLASSES), nn.Linear(WIDTH, 2)
        self.binary, self.countdown = nn.Linear(2 * HIDDEN, 1), nn.Linear(2 * HIDDEN, 1)
        self.log_sigma = nn.Parameter(torch.tensor([0.0, -0.3, 0.0, 0.0]))

    def represent(self, inputs):
        shared, _ = self.lstm(self.input_dropout(inputs))
        return shared

    def forward(self, inputs):
        return self.heads(self.represent(inputs))

    def heads(self, shared):
        pooled = F.relu(self.projection(shared.mean(1)))
        drop = self.head_dropout
        return (
            self.kind(drop(pooled)),
            self.pointers(drop(pooled)).sigmoid(),
            self.binary(drop(shared)).squeeze(-1),
            self.countdown(drop(shared)).squeeze(-1),
        )


def pytorch_side(threads, memory):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if memory:
        peak_memory(128)
        return
    for size in (8, 32, 128):
        report(f"train_step B={size}", training(*batch(size)))
    if WITHOUT_TORCHJD is None:
        report("train_step upgrad B=32", training_by_upgrad(*batch(32)))
    for size in (1, 32, 256):
        report(f"inference B={size}", inference(size))
    compiled()
    for elements in ELEMENTS:
        element_losses(elements)
        for rows in (elements // CLASSES, elements):
            row_losses(rows)


def compiled():
    try:
        for size in (8, 32, 128):
            report(f"train_step B={size}{COMPILED}", training(*batch(size), torch.compile))
        for size in (1, 32, 256):
            report(f"inference B={size}{COMPILED}", inference(size, torch.compile))
    except Exception as error:  # No C++ compiler, or a system that torch.compile does not know: many kinds.
        say(f"torch.compile is left out: {str(error).splitlines()[0]}")


def pytorch_side_on_gpu():
    torch.set_default_device("cuda")
    torch.manual_seed(0)
    for size in (8, 32, 128, 1024):
        report(f"train_step B={size}", waiting(training(*batch(size))))
    if WITHOUT_TORCHJD is None:
        report("train_step upgrad B=32", waiting(training_by_upgrad(*batch(32))))
    for size in (1, 32):
        report(f"inference B={size}", waiting(inference(size)))
    network, (inputs, _) = Network().eval(), batch(8)

    def represent():
        with torch.inference_mode():
            network.represent(inputs)

    report("represent B=8", waiting(represent))


def waiting(work):
    """The work, and then waiting until the card has done it."""

    def done():
        work()
        torch.cuda.synchronize()

    return done


def batch(size):
    start = torch.randint(10, TIME - 16, (size, 1)).float()
    length = torch.randint(2, 15, (size, 1)).float()
    bars = torch.arange(TIME).float()
    inside = ((bars >= start) & (bars <= start + length)).float()
    pointers = torch.cat([start + length / 2, length], 1) / TIME
    targets = torch.randint(0, CLASSES, (size,)), pointers, inside, (start - bars).clamp(-20, 20)
    return torch.randn(size, TIME, FEATURES), targets


def raw_losses(outputs, targets):
    (a, b, c, d), (kinds, pointers, inside, countdown) = outputs, targets
    return [
        F.cross_entropy(a, kinds),
        F.huber_loss(b, pointers, delta=0.08),
        F.binary_cross_entropy_with_logits(c, inside),
        F.huber_loss(d, countdown, delta=1.0),
    ]


def training(inputs, targets, how=lambda network: network):
    network = Network().train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    forward = how(network)

    def step():
        losses = torch.stack(raw_losses(forward(inputs), targets))
        sigma = network.log_sigma
        objective = (0.5 * torch.exp(-2.0 * sigma) * losses + sigma).sum()
        optimizer.zero_grad(set_to_none=True)
        objective.backward()
        optimizer.step()

    return step


def training_by_upgrad(inputs, targets):
    network = Network().train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    trunk, aggregator = list(network.lstm.parameters()), UPGrad()

    def step():
        shared = network.represent(inputs)
        losses = raw_losses(network.heads(shared), targets)
        optimizer.zero_grad(set_to_none=True)
        # Two heads share the projection, so the first one's pass must not free the graph.
        mtl_backward(losses, features=shared, retain_graph=True)
        jac_to_grad(trunk, aggregator)
        optimizer.step()

    return step


def inference(size, how=lambda network: network):
    network, (inputs, _) = how(Network().eval()), batch(size)

    def forward():
        with torch.inference_mode():
            network(inputs)

    return forward


def element_losses(elements):
    predictions, answers = torch.randn(elements), torch.randint(0, 2, (elements,)).float()
    report(f"huber {elements}", gradient(predictions, lambda p: F.huber_loss(p, answers)))
    bce = F.binary_cross_entropy_with_logits
    report(f"bce {elements}", gradient(predictions, lambda p: bce(p, answers)))


def row_losses(rows):
    logits, classes = torch.randn(rows, CLASSES), torch.arange(rows) % CLASSES
    work = f"cross_entropy {rows * CLASSES} ({rows}x{CLASSES})"
    report(work, gradient(logits, lambda x: F.cross_entropy(x, classes)))


def gradient(inputs, loss):
    def value_and_gradient():
        leaf = inputs.detach().requires_grad_()
        loss(leaf).backward()

    return value_and_gradient


def report(work, repeat):
    for _ in range(5):
        repeat()
    began, times = time.perf_counter(), []
    while len(times) < 10 or time.perf_counter() - began < 0.5:
        start = time.perf_counter()
        repeat()
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"work": work, "ms": statistics.median(times)}), flush=True)


def peak_memory(size):
    # The first optimizer loads the compiler, about 150 MiB that are no part of a step.
    import torch._dynamo  # noqa: F401

    inputs, targets = batch(size)
    forget_peak()
    before, earlier = resident_mib("VmRSS"), resident_mib("VmHWM")
    step = training(inputs, targets)
    for _ in range(10):
        step()
    peak = resident_mib("VmHWM")
    if peak <= earlier:
        sys.exit("an earlier peak hides that of the steps")
    print(json.dumps({"work": f"peak memory of train_step B={size}", "mib": peak - before}), flush=True)


def forget_peak():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # Then the peak of the steps must exceed the one so far, which is seen to after them.


def resident_mib(field):
    """A field of /proc/self/status: VmRSS is the resident memory now, VmHWM its peak."""
    return int(re.search(rf"{field}:\s*(\d+)", STATUS.read_text())[1]) / 1024


if __name__ == "__main__":
    main()
