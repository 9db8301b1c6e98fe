#pragma once
/// What a backend promises: a short list of kernels that it must have (contract/short_list.hpp), and a long one of
/// those that it may make faster (contract/long_list.hpp). Each concept is a file or two of backend/<name>/.
///
/// A backend that derives from generic::fallbacks (backend/generic.hpp) has the long list from the start.

#include "gmoe/backend/contract/long_list.hpp"
#include "gmoe/backend/contract/short_list.hpp"

namespace gmoe {

template <class B>
concept backend = contract::short_list<B> && contract::long_list<B>;

}  // namespace gmoe
