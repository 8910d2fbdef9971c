"""Offline reading of documents: extraction, search with quotations, and their resolution.

`inspect`, `search` and `resolve` are the skills (`run(params) -> dict`), called in a child process;
the other modules are theirs. Invariant: the same bytes and name always give the same extracted
text, so that a quotation's offsets can be checked later by anybody.
"""
