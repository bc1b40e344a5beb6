"""From float to int8, and where the two part."""
