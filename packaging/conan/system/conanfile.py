"""A header-only package of the system under the name that ConanCenter gives it, for machines that cannot download:

    conan create packaging/conan/system --name eigen --version $(pkg-config --modversion eigen3)
    conan create packaging/conan/system --name nlohmann_json --version $(pkg-config --modversion nlohmann_json)
"""

import subprocess

from conan import ConanFile


class SystemPackage(ConanFile):
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    upload_policy = "skip"  # it is nothing but this machine's paths

    def package_id(self):
        self.info.clear()

    def package_info(self):
        module, file, target = {
            "eigen": ("eigen3", "Eigen3", "Eigen3::Eigen"),
            "nlohmann_json": ("nlohmann_json", "nlohmann_json", "nlohmann_json::nlohmann_json"),
        }[self.name]
        flags = subprocess.run(["pkg-config", "--cflags-only-I", module], check=True, capture_output=True, text=True).stdout
        self.cpp_info.includedirs = [flag[2:] for flag in flags.split()]  # none: on the compiler's own path
        self.cpp_info.bindirs = self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", file)
        self.cpp_info.set_property("cmake_target_name", target)
