"""Conan 2 recipe of the header-only package gmoe; docs/packaging.md says how to use it."""

import re
from pathlib import Path

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy
from conan.tools.layout import basic_layout

required_conan_version = ">=2.0"


class Gmoe(ConanFile):
    name = "gmoe"
    description = "Mixture-of-experts language models, header-only C++20"
    license = "Apache-2.0"
    topics = ("mixture-of-experts", "language-models", "deep-learning", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    # io: checkpoints, which need a JSON library. openmp: threads, for consumers compiled with this package's flags.
    options = {"io": [True, False], "openmp": [True, False]}
    default_options = {"io": True, "openmp": True}
    exports_sources = "include/*", "LICENSE"
    no_copy_source = True
    test_package_folder = "packaging/conan/test_package"

    def set_version(self):
        text = (Path(self.recipe_folder) / "include/gmoe/version.hpp").read_text()
        self.version = ".".join(re.findall(r"^#define GMOE_VERSION_[A-Z]+ (\d+)$", text, re.M))

    def layout(self):
        basic_layout(self)

    def requirements(self):
        self.requires("eigen/[>=3.4.0 <6]", transitive_headers=True)
        if self.options.io:
            self.requires("nlohmann_json/[>=3.10 <4]", transitive_headers=True)

    def validate(self):
        check_min_cppstd(self, 20)

    def package_id(self):
        self.info.clear()

    def package(self):
        copy(self, "LICENSE", self.source_folder, Path(self.package_folder) / "licenses")
        copy(self, "*.hpp", Path(self.source_folder) / "include", Path(self.package_folder) / "include")

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "gmoe")
        library = self.cpp_info.components["gmoe"]
        library.set_property("cmake_target_name", "gmoe::gmoe")
        library.set_property("pkg_config_name", "gmoe")
        library.bindirs = library.libdirs = []
        library.requires = ["eigen::eigen"]
        if self.options.openmp:
            library.cxxflags = library.sharedlinkflags = library.exelinkflags = ["-fopenmp"]
        if self.options.io:
            io = self.cpp_info.components["io"]
            io.set_property("cmake_target_name", "gmoe::io")
            io.set_property("pkg_config_name", "gmoe-io")
            io.bindirs = io.libdirs = []
            io.requires = ["gmoe", "nlohmann_json::nlohmann_json"]
