"""What both PyTorch sides share: the data file, the optimiser loop, and the answers to run.py."""

import argparse
import json
import math
import os
import struct
import sys
import time

import torch


def read_data(path):
    """The tensors of a safetensors file, and the model's sizes from its notes."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        start = file.tell()
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            file.seek(start + begin)
            kind = {"F32": torch.float32, "I32": torch.int32}[entry["dtype"]]
            data = torch.frombuffer(bytearray(file.read(end - begin)), dtype=kind)
            tensors[name] = data.reshape(entry["shape"])
    return json.loads(header["__metadata__"]["config"]), tensors


def environment():
    names = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "MKL_NUM_THREADS", "OPENBLAS_CORETYPE")
    return {"torch": torch.__version__, "threads": torch.get_num_threads(),
            "instructions": torch.backends.cpu.get_cpu_capability(), "mkl": torch.backends.mkl.is_available(),
            "onednn": torch.backends.mkldnn.is_available(), **{n: os.environ.get(n, "unset") for n in names}}


def peak_resident_bytes():
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


class Side:
    """One model with its task. `model` offers loss(tokens, targets) and generate(prompt, count)."""

    def __init__(self, model, optimizer, config, tensors, task, precision):
        self.model, self.optimizer, self.task = model, optimizer, task
        self.bf16 = precision == "bf16"
        self.parameters = list(model.parameters())
        shape = (-1, config["batch"], config["sequence"])
        self.tokens = tensors["tokens"].long().view(shape)
        self.targets = tensors["targets"].long().view(shape)
        self.prompt = tensors["tokens"].long().flatten()[:16]
        self.made = []

    def loss(self, number):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            return self.model.loss(self.tokens[number], self.targets[number])

    def train(self, number):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(number).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()

    @torch.inference_mode()
    def evaluate(self, number):
        return self.loss(number).item()

    @torch.inference_mode()
    def generate(self, count):
        self.made = self.model.generate(self.prompt, count)

    def run(self, number, size):
        start = time.perf_counter()
        if self.task == "train":
            self.train(number % len(self.tokens))
        elif self.task == "evaluate":
            self.evaluate(number % len(self.tokens))
        else:
            self.generate(size)
        return time.perf_counter() - start

    def choose(self, setting):
        if setting in getattr(self.model, "settings", []) and setting != self.model.setting:
            self.model.choose(setting)

    def check(self, setting):
        """The loss of the first batch before and after a step: the same for everybody who computes the same."""
        self.choose(setting)
        losses = [self.evaluate(0)]
        if self.task == "train":
            self.train(0)
            losses.append(self.evaluate(0))
        answer = {"losses": losses}
        if self.task == "generate":
            self.generate(16)
            answer["tokens"] = self.made
        return answer

    def prepare(self, candidates):
        """Warms up. A model with several `settings` takes the fastest of those among the candidates."""
        times = {}
        for setting in [c for c in candidates if c in getattr(self.model, "settings", [])] or [""]:
            try:
                times[setting] = self.warm_up(setting)
            except Exception as error:  # torch.compile needs a compiler and Python's headers
                print(f"{setting} does not work here: {error}".splitlines()[0], file=sys.stderr)
        best = min(times, key=times.get)
        if best != list(times)[-1]:
            self.warm_up(best)
        return {"settings": best, "seconds": times}

    def warm_up(self, setting):
        self.choose(setting)
        for number in range(2):
            self.run(number, 16)
        return min(self.run(number, 16) for number in range(3))


def main(build_model, build_optimizer):
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--task", default="train")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", choices=("float32", "bf16"), default="float32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    config, tensors = read_data(options.data)
    model = build_model(config, tensors)
    side = Side(model, build_optimizer(model.parameters()), config, tensors, options.task,
                options.precision)
    del tensors
    answer = {"ready": environment()}
    number = 0
    while True:
        print(json.dumps(answer), flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        command, *words = line.split()
        if command == "check":
            answer = side.check(words[0])
        elif command == "prepare":
            answer = side.prepare(words)
        elif command == "run":
            count, size = int(words[0]), int(words[1])
            answer = {"seconds": [side.run(number + i, size) for i in range(count)]}
            number += count
        elif command == "memory":
            answer = {"peak_resident_bytes": peak_resident_bytes()}
        else:
            answer = {"error": f"unknown command {command}"}


def lowered(tensor):
    """For products that autocast does not know: bfloat16 inside of it."""
    return tensor.to(torch.bfloat16) if torch.is_autocast_enabled("cpu") else tensor


def scale_of(head):
    return 1.0 / math.sqrt(head)
