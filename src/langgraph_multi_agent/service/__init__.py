"""Use cases: the seam that the API, the CLI, the worker and the operations talk to."""
