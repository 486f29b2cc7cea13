"""The prompt sieve: what may not be asked for, caught by its words before anything is drawn."""
