from pathlib import Path

from conan import ConanFile
from conan.tools.build import can_run
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout


class GmoeTest(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    generators = "CMakeDeps"

    def requirements(self):
        self.requires(self.tested_reference_str)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.user_presets_path = False  # nothing is written beside this file
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure(variables={"GMOE_IO": str(self.dependencies["gmoe"].options.io)})
        cmake.build()

    def test(self):
        if can_run(self):
            for program in ("gmoe", "io"):
                path = (Path(self.cpp.build.bindir) / program).resolve()
                if path.exists():
                    self.run(str(path), env="conanrun")
