"""Tools: single actions that agents call under effect rules, and how they are found."""
