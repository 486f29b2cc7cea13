"""What an operator sees of the public models' requests: metrics, a line of log, and traces."""
