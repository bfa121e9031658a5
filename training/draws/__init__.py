"""Training examples: one picture a draw, made anew each time, degraded and cut, with its boxes.

A module for each kind of fake: whole faces, parts, blends, simulated artifacts; and the simulated
fakes that are held back to calibrate and judge by.
"""
