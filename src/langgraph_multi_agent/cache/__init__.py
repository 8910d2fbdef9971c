"""What may be had again at a price, and who is logged in: in this process, or in REDIS_URL.

Never on the Redis of the queue: a cache may be full and evict, a queue may not. `bootstrap` opens
them. Invariant: nothing here is the only copy of anything, and no error of Redis leaves the package.
"""
