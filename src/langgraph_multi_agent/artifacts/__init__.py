"""Where files live: content-addressed, written before any row names them."""
