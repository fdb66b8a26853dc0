"""The operation table in C: what runs a recording, where it has been built."""
