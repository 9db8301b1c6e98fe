#pragma once
/// The standard library and Eigen with assertions that name file, line and condition, not the function too: the names
/// of template functions, made anew for each, take a fifth of the time that the compiler needs. Read before all others
/// by the project's own programs.

// In these files, it stands in assertions alone.
#define __PRETTY_FUNCTION__ __FILE__

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "gmoe/backend/eigen/eigen.hpp"

#undef __PRETTY_FUNCTION__
