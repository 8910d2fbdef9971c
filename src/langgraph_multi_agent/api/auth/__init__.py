"""Who a request is from, and whether they may: credentials, rules of routes, cookies.

Hides how somebody shows who they are. Callers: the routes and the WebSocket. Invariant: no route is
reached without a declared rule, and a rule is checked before a byte of the body is read.
"""
