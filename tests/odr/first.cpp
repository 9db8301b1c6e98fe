#include "everything.hpp"

const char* version_seen_first() { return gmoe::version_string; }
