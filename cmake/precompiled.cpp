// Nothing of its own: makes the build compile precompiled headers (see precompiled.cmake).
