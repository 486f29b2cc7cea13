"""The ladder: how fast one GPU draws with networks of SDXL's size, and what each change brings."""
