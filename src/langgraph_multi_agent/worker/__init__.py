"""The worker: claims tasks, runs them, keeps their leases, and lets go in order."""
