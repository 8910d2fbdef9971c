"""Charts: one calm picture for a finding, drawn in the child process that found it."""
