"""Training examples: one picture a draw, made anew each time, degraded and cut, with its boxes.

A module for each kind of fake: `faces`, `parts`, `blends`, `artifacts`. `source` says what a draw
is, `views` cuts the pictures of all; `held_back` are simulated fakes to calibrate and judge by.
"""
