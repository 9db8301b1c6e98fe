#pragma once
/// Tensors in files: `safetensors_file` reads, `safetensors_writer` writes.

#include "gmoe/io/safetensors_reader.hpp"
#include "gmoe/io/safetensors_writer.hpp"
