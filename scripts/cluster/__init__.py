"""The cluster: how many GPUs a rate needs, told by a simulation that real servers are held to."""
