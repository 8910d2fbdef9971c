"""HTTP and WebSocket over the services.

Hides FastAPI, the wire formats and their errors. `bootstrap` calls `app.create_api`. Invariant:
nothing here decides anything about tasks; every answer is what a service said.
"""
