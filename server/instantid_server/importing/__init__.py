"""The importer: real InstantID weights become a model repository that serves them."""
