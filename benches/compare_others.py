"""Measures a training step beside JAX's and inference beside ONNX Runtime's, in turn, and prints a JSON line for each.

    python benches/compare_others.py [--alternations 5] [--threads 2] [--built PROGRAM]

Needs Rust to build our side, examples/time_steps.rs (with --built, a program built from it before is used), and of these
packages whichever are there: jax with optax, onnx with onnxruntime. A missing one is said, and its rows are left out. All programs
run on the same cores (Linux: their affinity is set), one after the other; a number is the median over the alternations of
each program's own medians. The lines:

    {"work": "train_step B=32", "beside": "jax", "ours_ms": ..., "theirs_ms": ..., "ratio": ours / theirs}
        B=8, 32, 128: the network of the expansion model with its dropouts, four losses, uncertainty weighting, AdamW;
        jax.jit over all of it, the recurrent layer as jax.lax.scan in both directions
    {"work": "inference B=32", "beside": "onnxruntime", ...}
        B=1, 32, 256: the LSTM operator of ONNX and the four heads, in single precision
    {"work": "train_step B=32", "beside": "floor", ...}
        the matrix products of that work alone, by the same library as ours
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIME, FEATURES, HIDDEN, WIDTH, CLASSES = 105, 12, 96, 64, 3


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--alternations", type=int, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--built", type=Path, metavar="PROGRAM", help="an examples/time_steps.rs that is built already")
    arguments.add_argument("--side", choices=("jax", "onnxruntime"), help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.alternations < 1 or chosen.threads < 1:
        arguments.error("--alternations and --threads are at least 1")
    if chosen.side == "jax":
        jax_side()
    elif chosen.side == "onnxruntime":
        onnxruntime_side(chosen.threads)
    else:
        compare(chosen)


def compare(chosen):
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[: chosen.threads]
        os.sched_setaffinity(0, cores)
    ours = chosen.built or build()
    sides = {"ours": [str(ours.resolve())]}
    for side, modules in (("jax", ("jax", "optax")), ("onnxruntime", ("onnx", "onnxruntime"))):
        missing = [module for module in modules if not is_there(module)]
        if missing:
            print(f"{side} is left out: {', '.join(missing)} cannot be imported", file=sys.stderr)
            continue
        sides[side] = [sys.executable, __file__, "--side", side, "--threads", str(chosen.threads)]
    environment = dict(os.environ, RAYON_NUM_THREADS=str(chosen.threads), JAX_PLATFORMS="cpu")
    found = {}
    for alternation in range(1, chosen.alternations + 1):
        for side, command in sides.items():
            print(f"alternation {alternation} of {chosen.alternations}: {side}", file=sys.stderr, flush=True)
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"the {side} side failed:\n{done.stderr.rstrip()}")
            for line in map(json.loads, done.stdout.splitlines()):
                found.setdefault(line["work"], {}).setdefault(side, []).append(line["ms"])
    print_rows(found)


def print_rows(found):
    medians = {work: {side: statistics.median(all_) for side, all_ in sides.items()} for work, sides in found.items()}
    for work, sides in medians.items():
        theirs = {side: ms for side, ms in sides.items() if side != "ours"}
        floor = medians.get(f"floor {work}")
        if floor:
            theirs["floor"] = floor["ours"]
        for side, ms in theirs.items():
            ours = sides["ours"]
            row = {"work": work, "beside": side, "ours_ms": round(ours, 4), "theirs_ms": round(ms, 4)}
            print(json.dumps(row | {"ratio": round(ours / ms, 3)}), flush=True)


def build():
    command = ["cargo", "build", "--release", "--example", "time_steps"]
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        sys.exit("our side cannot be built")
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "examples" / "time_steps"


def is_there(module):
    # In a process of its own: importing takes memory and threads that the measurement should not share.
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode == 0


def report(work, repeat):
    for _ in range(5):
        repeat()
    began, times = time.perf_counter(), []
    while len(times) < 10 or time.perf_counter() - began < 0.5:
        start = time.perf_counter()
        repeat()
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"work": work, "ms": statistics.median(times)}), flush=True)


def jax_side():
    import jax
    import jax.numpy as jnp
    import optax

    def linear(key, inputs, outputs):
        bound = inputs**-0.5
        weight = jax.random.uniform(key, (inputs, outputs), minval=-bound, maxval=bound)
        return {"weight": weight, "bias": jnp.zeros(outputs)}

    def parameters(key):
        keys = iter(jax.random.split(key, 16))
        layer = lambda: {"inputs": linear(next(keys), FEATURES, 4 * HIDDEN), "states": linear(next(keys), HIDDEN, 4 * HIDDEN)}
        return {
            "forward": layer(),
            "backward": layer(),
            "projection": linear(next(keys), 2 * HIDDEN, WIDTH),
            "kind": linear(next(keys), WIDTH, CLASSES),
            "pointers": linear(next(keys), WIDTH, 2),
            "binary": linear(next(keys), 2 * HIDDEN, 1),
            "countdown": linear(next(keys), 2 * HIDDEN, 1),
            "log_sigma": jnp.array([0.0, -0.3, 0.0, 0.0]),
        }

    apply = lambda layer, x: x @ layer["weight"] + layer["bias"]

    def drop(key, rate, x):
        return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0.0)

    def recur(layer, inputs, reverse):
        # Time first; the inputs of all steps in one product.
        projected = apply(layer["inputs"], inputs)

        def step(carry, at):
            hidden, cell = carry
            i, f, g, o = jnp.split(at + apply(layer["states"], hidden), 4, axis=-1)
            cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
            hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)
            return (hidden, cell), hidden

        zero = jnp.zeros((inputs.shape[1], HIDDEN))
        return jax.lax.scan(step, (zero, zero), projected, reverse=reverse)[1]

    def losses(network, inputs, targets, key):
        kinds, pointers, inside, countdown = targets
        keys = jax.random.split(key, 5)
        x = drop(keys[0], 0.3, inputs).swapaxes(0, 1)
        shared = jnp.concatenate([recur(network["forward"], x, False), recur(network["backward"], x, True)], -1)
        shared = shared.swapaxes(0, 1)
        pooled = jax.nn.relu(apply(network["projection"], shared.mean(1)))
        kind = apply(network["kind"], drop(keys[1], 0.6, pooled))
        where = jax.nn.sigmoid(apply(network["pointers"], drop(keys[2], 0.6, pooled)))
        binary = apply(network["binary"], drop(keys[3], 0.6, shared))[..., 0]
        counted = apply(network["countdown"], drop(keys[4], 0.6, shared))[..., 0]
        return jnp.stack(
            [
                optax.softmax_cross_entropy_with_integer_labels(kind, kinds).mean(),
                optax.huber_loss(where, pointers, delta=0.08).mean(),
                optax.sigmoid_binary_cross_entropy(binary, inside).mean(),
                optax.huber_loss(counted, countdown, delta=1.0).mean(),
            ]
        )

    def objective(network, *rest):
        sigma = network["log_sigma"]
        return (0.5 * jnp.exp(-2.0 * sigma) * losses(network, *rest) + sigma).sum()

    optimizer = optax.adamw(1e-3, weight_decay=0.01)

    @jax.jit
    def step(network, state, inputs, targets, key):
        key, used = jax.random.split(key)
        gradients = jax.grad(objective)(network, inputs, targets, used)
        updates, state = optimizer.update(gradients, state, network)
        return optax.apply_updates(network, updates), state, key

    for size in (8, 32, 128):
        key = jax.random.key(0)
        network = parameters(key)
        inputs = jax.random.normal(key, (size, TIME, FEATURES))
        targets = (
            jnp.zeros(size, dtype=jnp.int32),
            jnp.full((size, 2), 0.4),
            jnp.zeros((size, TIME)),
            jnp.zeros((size, TIME)),
        )
        held = [network, optimizer.init(network), key]

        def train():
            held[:] = step(held[0], held[1], inputs, targets, held[2])
            jax.block_until_ready(held[0])

        report(f"train_step B={size}", train)


def onnxruntime_side(threads):
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "network.onnx")
        write_onnx(path)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    for size in (1, 32, 256):
        inputs = random.standard_normal((TIME, size, FEATURES), dtype=np.float32)
        report(f"inference B={size}", lambda: session.run(None, {"x": inputs}))


def write_onnx(path):
    """The network as ONNX has it: time first, both directions in one LSTM operator."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    weight = lambda *shape: (random.uniform(-0.1, 0.1, shape)).astype(np.float32)
    constants = {
        "w": weight(2, 4 * HIDDEN, FEATURES),
        "r": weight(2, 4 * HIDDEN, HIDDEN),
        "b": weight(2, 8 * HIDDEN),
        "joined": np.array([0, 0, 2 * HIDDEN], dtype=np.int64),
    }
    for name, inputs, outputs in (
        ("projection", 2 * HIDDEN, WIDTH),
        ("kind", WIDTH, CLASSES),
        ("pointers", WIDTH, 2),
        ("binary", 2 * HIDDEN, 1),
        ("countdown", 2 * HIDDEN, 1),
    ):
        constants |= {f"{name}_w": weight(inputs, outputs), f"{name}_b": weight(outputs)}

    def linear(name, source, target):
        return [
            helper.make_node("MatMul", [source, f"{name}_w"], [f"{name}_product"]),
            helper.make_node("Add", [f"{name}_product", f"{name}_b"], [target]),
        ]

    nodes = [
        helper.make_node("LSTM", ["x", "w", "r", "b"], ["states"], hidden_size=HIDDEN, direction="bidirectional"),
        helper.make_node("Transpose", ["states"], ["turned"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["turned", "joined"], ["shared"]),
        helper.make_node("ReduceMean", ["shared"], ["mean"], axes=[0], keepdims=0),
        *linear("projection", "mean", "projected"),
        helper.make_node("Relu", ["projected"], ["pooled"]),
        *linear("kind", "pooled", "kinds"),
        *linear("pointers", "pooled", "raw_pointers"),
        helper.make_node("Sigmoid", ["raw_pointers"], ["where"]),
        *linear("binary", "shared", "inside"),
        *linear("countdown", "shared", "counted"),
    ]
    single = TensorProto.FLOAT
    of_bars, of_windows = [TIME, "B", 1], lambda width: ["B", width]
    outputs = {"kinds": of_windows(CLASSES), "where": of_windows(2), "inside": of_bars, "counted": of_bars}
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", single, [TIME, "B", FEATURES])],
        [helper.make_tensor_value_info(name, single, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


if __name__ == "__main__":
    main()
