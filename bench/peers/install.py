"""Installs PyTorch for the processor into the running virtual environment, without gigabytes of GPU libraries.

The wheel on PyPI links against CUDA libraries that a comparison on the processor never calls. So the wheel is installed
without its dependencies, then the few Python packages that importing it needs, and for every GPU library a stand-in: a
tiny library of the same name that has the wanted functions, each returning an error. Where that does not work, the
ordinary installation is tried if the disk has room. Ends with status 77 if PyTorch cannot be had here.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile

PACKAGES = ["filelock", "typing-extensions>=4.13", "setuptools>=77", "sympy", "networkx", "jinja2", "fsspec", "numpy"]
CHECK = "import torch; x = torch.ones(8, 8, requires_grad=True); (x @ x).sum().backward(); print(torch.__version__)"
GIGABYTE = 1 << 30


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--disable-pip-version-check"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True)


def works(quiet=True):
    result = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True)
    if result.returncode == 0:
        print("PyTorch", result.stdout.strip())
        return True
    if not quiet:
        print(f"importing it ends with status {result.returncode}:",
              *result.stderr.strip().splitlines()[-1:], file=sys.stderr)
    return False


def lines_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def add_stand_ins(library_folder):
    """Makes the libraries that torch's own link against and that no folder of the system has."""
    libraries = [f for f in library_folder.iterdir() if ".so" in f.name and f.is_file()]
    present = {f.name for f in libraries}
    needed, wanted, defined, versions = set(), set(), set(), {}
    for library in libraries:
        needed.update(m.group(1) for line in lines_of("readelf", "-dW", library)
                      if (m := re.search(r"NEEDED.*\[(.+)\]", line)))
        for line in lines_of("readelf", "-VW", library):
            if m := re.search(r"File: (\S+)", line):
                file = m.group(1)
            elif m := re.search(r"Name: (\S+) +Flags: \S+ +Version:", line):
                versions.setdefault(file, set()).add(m.group(1))
        for line in lines_of("nm", "-D", library):
            *_, kind, symbol = line.split()
            name, _, version = symbol.replace("@@", "@").partition("@")
            wanted.add((name, version)) if kind == "U" else defined.add(name)
    gpu = sorted(n for n in needed - present if re.match(r"lib(cu|nv|nccl)", n))
    for number, library in enumerate(gpu):
        # Functions without a version may lie anywhere: they are put into the first library.
        mine = {v: sorted(n for n, w in wanted if w == v and n not in defined) for v in versions.get(library, ())}
        loose = sorted(n for n, w in wanted if number == 0 and not w and n not in defined
                       and re.match(r"_*(cu|nv|nccl)", n, re.IGNORECASE))
        source = "".join(f"int {f}(void) {{ return 100; }}\n" for f in sum(mine.values(), loose))
        with tempfile.NamedTemporaryFile("w", suffix=".map") as script:
            for version, functions in mine.items():
                script.write(f"{version} {{ {' '.join(f + ';' for f in functions)} }};\n")
            script.flush()
            subprocess.run(["cc", "-shared", "-fPIC", "-w", "-fno-builtin", f"-Wl,-soname,{library}",
                            *([f"-Wl,--version-script={script.name}"] if mine else []),
                            "-x", "c", "-", "-o", library_folder / library], input=source, text=True, check=True)


def main():
    if works():
        return 0
    if shutil.disk_usage(sys.prefix).free < 5 * GIGABYTE:
        print("PyTorch is left out: less than 5 GB of disk are free", file=sys.stderr)
        return 77
    for arguments in (["--no-deps", "torch"], PACKAGES):
        result = pip(*arguments)
        if result.returncode != 0:
            print("PyTorch cannot be installed:", *result.stderr.strip().splitlines()[-1:], file=sys.stderr)
            return 77
    if works():
        return 0
    try:
        add_stand_ins(pathlib.Path(sysconfig.get_path("platlib")) / "torch" / "lib")
    except (OSError, subprocess.CalledProcessError) as error:
        print("no stand-ins for the GPU libraries:", error, file=sys.stderr)
    if works(quiet=False):
        return 0
    if shutil.disk_usage(sys.prefix).free > 25 * GIGABYTE:
        print("installing PyTorch with all it asks for", file=sys.stderr)
        if pip("--force-reinstall", "torch").returncode == 0 and works():
            return 0
    print("PyTorch was installed, but cannot be imported", file=sys.stderr)
    return 77


if __name__ == "__main__":
    sys.exit(main())
