"""What the system says of itself: logs, redaction, metrics.

Hides structlog and prometheus-client. Every layer above may log and count; only `bootstrap`
configures. Invariant: no secret leaves through here, and no metric has an unbounded label.
"""
