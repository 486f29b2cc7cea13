"""The networks, one noun a file; none of them knows Triton."""
