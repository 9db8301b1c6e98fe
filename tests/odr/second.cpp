#include "everything.hpp"

const char* version_seen_second() { return gmoe::version_string; }
