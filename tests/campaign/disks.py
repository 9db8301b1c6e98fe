"""Disks that are full, or may only be read.

In a mount namespace of its own (`unshare -rm`), since root may write where permissions forbid it: training and comparing on a
small tmpfs, for every size until they get through, and for every number of files; and on a mount that may only be read. A
program ends with 1 and a sentence that names a file and the reason, leaves nothing unfinished, and whatever was there; once
there is room, the same command comes to what an undisturbed run leaves. Where nothing can be mounted, that is said, and
nothing is tried.
"""

import os
import shutil
import subprocess
import sys
import time

from common import (Wrong, compare, differences, kept_by_compare, kept_by_train, must_run, options, report, run, sample,
                    temporary_files, train, workplace)


def mount(*words):
    subprocess.run(["mount", *words], check=True, capture_output=True)


class Job:
    """`start`: a folder that is on the disk before it gets full."""

    def __init__(self, name, start, command, repeat, kept):
        self.name, self.start, self.command, self.repeat, self.kept = name, start, command, repeat, kept


def jobs(build, disk):
    work = os.path.join(disk, "work")

    def there():
        return os.path.exists(os.path.join(work, "checkpoint.safetensors"))

    def trained():
        return kept_by_train(work)

    continued, replaced, compared = train(build, work, "--steps", "6", resume=True), train(build, work, "--overwrite"), compare(
        build, work)
    return [
        Job("train", None, train(build, work), lambda: train(build, work, resume=there()), trained),
        Job("continue", "begun", continued, lambda: continued, trained),
        Job("overwrite", "other", replaced, lambda: replaced, trained),
        Job("compare", None, compared, lambda: compared, lambda: {"results": kept_by_compare(work)}),
    ]


def fill(job, place, disk):
    """What the disk holds at first."""
    if job.start:
        shutil.copytree(os.path.join(place, job.start), os.path.join(disk, "work"))


def check_failure(error, reason):
    if reason not in error or len(error.strip().split("\n")) != 1 or "work" not in error:
        raise Wrong(f"expected a sentence about a file in 'work' and {reason!r}, got {error!r}")


def on_full_disk(job, place, disk, whole, option, value):
    """One run on a disk of this size, or with so many files. Whether it got through; None if it has no room to begin."""
    mount("-t", "tmpfs", "-o", f"{option}={value}", "tmpfs", disk)
    try:
        try:
            fill(job, place, disk)
        except OSError:
            return None
        status, _, error = run(job.command, place)
        if status not in (0, 1):
            raise Wrong(f"ended with {status}: {error!r}")
        if left := temporary_files(disk):
            raise Wrong(f"left {left}")
        if status == 1:
            check_failure(error, "No space left on device")
            mount("-o", "remount,size=64m,nr_inodes=1000", disk)
            again, _, error = run(job.repeat(), place)
            if again != 0:
                raise Wrong(f"with room, it could not be repeated: {error!r}")
        if unlike := differences(job.kept(), whole):
            raise Wrong(f"came to other {unlike}")
        return status == 0
    finally:
        subprocess.run(["umount", disk], check=True)


def on_read_only(build, job, place, disk):
    fill(job, place, disk)
    os.makedirs(os.path.join(disk, "work"), exist_ok=True)
    before = {f: os.stat(os.path.join(at, f)).st_mtime_ns for at, _, files in os.walk(disk) for f in files}
    mount("--bind", disk, disk)
    mount("-o", "remount,bind,ro", disk)
    try:
        status, _, error = run(job.command, place)
        if status != 1:
            raise Wrong(f"ended with {status}: {error!r}")
        check_failure(error, "Read-only file system")
        if job.start and (reads := run(sample(build, os.path.join(disk, "work")), place))[0] != 0:
            raise Wrong(f"sample ended with {reads[0]}: {reads[2]!r}")
        if before != {f: os.stat(os.path.join(at, f)).st_mtime_ns for at, _, files in os.walk(disk) for f in files}:
            raise Wrong("something has changed")
    finally:
        subprocess.run(["umount", disk], check=True)
        shutil.rmtree(os.path.join(disk, "work"))


def main():
    a = options(__doc__, step=(8, "of the disk's sizes, in KiB"), only=([], "jobs, such as 'compare'"))
    if "GMOE_CAMPAIGN_MOUNTS" not in os.environ:
        able = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True)
        if able.returncode != 0:
            print(f"skipped: full and read-only disks cannot be mounted here: {able.stderr.decode().strip()}")
            return
        os.execvpe("unshare", ["unshare", "-rm", sys.executable, *sys.argv], dict(os.environ, GMOE_CAMPAIGN_MOUNTS="1"))
    finds = 0
    with workplace() as place:
        disk = os.path.join(place, "disk")
        os.mkdir(disk)
        must_run(train(a.build, "begun"), place)
        must_run(train(a.build, "other", "--seed", "7", steps=2), place)
        for job in jobs(a.build, disk):
            if a.only and job.name not in a.only:
                continue
            started, tried = time.monotonic(), {"size": 0, "nr_inodes": 0}
            fill(job, place, disk)
            must_run(job.command, place)
            whole = job.kept()
            shutil.rmtree(os.path.join(disk, "work"))
            for option, step in ("size", a.step), ("nr_inodes", 1):
                value = step
                while True:
                    try:
                        through = on_full_disk(job, place, disk, whole, option, f"{value}k" if option == "size" else value)
                        tried[option] += through is not None
                        if through:
                            break
                    except Wrong as e:
                        finds += 1
                        print(f"{job.name}: {option} {value}: {e}", flush=True)
                        if finds > 20:
                            sys.exit("too many finds")
                    value += step
            try:
                on_read_only(a.build, job, place, disk)
            except Wrong as e:
                finds += 1
                print(f"{job.name}: read-only: {e}", flush=True)
            report(f"{job.name}: {tried['size']} sizes, {tried['nr_inodes']} numbers of files, read-only", started)
    if finds:
        sys.exit(f"{finds} finds")


if __name__ == "__main__":
    main()
