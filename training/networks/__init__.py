"""The backbone, the classifier that trains it, and the two detectors that are built on it."""
