"""The evaluation: how well a running server keeps a person, follows a prompt and takes a pose."""
