"""The words and rules of the system, in the standard library only.

Hides nothing and decides nothing about technology: tasks and their transitions, plans,
events, findings, errors, and the ports that adapters implement. Everybody imports it; it
imports nobody.
"""
