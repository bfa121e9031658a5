"""The temporal model, which judges videos: clips, boxes through time, training, figures.

Its commands, in their order: clips, extract, train, calibrate, evaluate.
"""
