"""The load test: what this server does beside other ways of serving the same pictures."""
