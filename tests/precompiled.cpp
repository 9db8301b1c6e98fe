// Nothing of its own: the one file that makes the build compile precompiled.hpp, for all test programs.
