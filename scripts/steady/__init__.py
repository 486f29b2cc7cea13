"""A steady load of requests whose pictures are known beforehand, for chaos and soak."""
