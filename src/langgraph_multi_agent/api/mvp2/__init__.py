"""The fixed contract with MVP2 front ends: its objects, made from ours."""
