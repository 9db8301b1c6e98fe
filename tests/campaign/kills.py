"""Signals at random moments of training and comparing: whoever continues comes to the very bits of an unbroken run.

A tiny model is trained, killed (SIGKILL) or interrupted (SIGINT, SIGTERM) at a random moment, continued, killed again, and
so on, until it gets through. Then its folder must hold what an unbroken run leaves, to the byte but for the times in the
log, and nothing else. Whoever was only interrupted must have said so: it ends with 130 and a checkpoint of that moment.
"""

import os
import signal
import subprocess
import sys
import time

from common import (ENVIRONMENT, Wrong, again, compare, differences, drawn, kept_by_compare, kept_by_train, must_run, options,
                    report, temporary_files, train, workplace)

STEPS = 40
# The first lines are printed when the run has begun; a kill before is one of a program that has done nothing.
PATIENCE = 60


class Job:
    """A command for a folder (`--resume` where there is something), and what is kept of it."""

    def __init__(self, name, command, kept):
        self.name, self.command, self.kept = name, command, kept


def jobs(build, place):
    def checkpoint(folder):
        return os.path.exists(os.path.join(place, folder, "checkpoint.safetensors"))

    def training(*more):
        return lambda folder: train(build, folder, *([] if checkpoint(folder) else more), steps=STEPS, resume=checkpoint(folder))

    def trained(folder):
        return kept_by_train(os.path.join(place, folder))

    return [
        Job("train gmoe", training(), trained),
        Job("train loss-free", training("--variant", "loss-free"), trained),
        Job("compare", lambda folder: compare(build, folder, steps=STEPS),
            lambda folder: {"results": kept_by_compare(os.path.join(place, folder))}),
    ]


def start(command, place):
    return subprocess.Popen(command, cwd=place, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def ended(child):
    error = child.communicate(timeout=PATIENCE)[1].decode(errors="replace")
    return child.returncode, error


def broken(job, place, random, takes, sig, wanted):
    """One run that is broken by `sig` until it gets through, or so often. How often that was."""
    folder = "part"
    again(os.path.join(place, folder), None)
    done = 0
    while True:
        child = start(job.command(folder), place)
        if done < wanted:
            # Often soon, where little is done, and sometimes late.
            time.sleep(takes * random.random() ** 2)
            child.send_signal(sig)
        status, error = ended(child)
        if status == 0:
            return done
        if status == -sig:  # an interrupt too, before anybody listens or after all is done
            done += 1
        elif status == 130 and sig != signal.SIGKILL:
            done += 1
        else:
            raise Wrong(f"ended with {status}: {error!r}")


def main():
    a = options(__doc__, kills=(200, "of each of SIGKILL, SIGINT and SIGTERM, for each program"), only=([], "jobs, such as 'compare'"))
    finds = 0
    with workplace() as place:
        for job in jobs(a.build, place):
            if a.only and job.name not in a.only:
                continue
            began = time.monotonic()
            must_run(job.command("whole"), place)
            takes = time.monotonic() - began
            whole = job.kept("whole")
            for sig in signal.SIGKILL, signal.SIGINT, signal.SIGTERM:
                random, started, done, runs = drawn(a.seed, job.name, sig.name), time.monotonic(), 0, 0
                while done < a.kills:
                    try:
                        # Seldom does a run get through that is broken at such moments: after five it is left alone.
                        done += broken(job, place, random, takes, sig, min(5, a.kills - done))
                        runs += 1
                        if unlike := differences(job.kept("part"), whole):
                            raise Wrong(f"the run that was broken has other {unlike}")
                        if left := temporary_files(os.path.join(place, "part")):
                            raise Wrong(f"left {left}")
                    except Wrong as e:
                        finds += 1
                        print(f"{job.name}: {sig.name}: {e}", flush=True)
                        if finds > 20:
                            sys.exit("too many finds")
                report(f"{job.name}: {done} times {sig.name}, {runs} runs to the same bits", started)
            again(os.path.join(place, "whole"), None)
    if finds:
        sys.exit(f"{finds} finds")


if __name__ == "__main__":
    main()
