"""From nothing to a detector package: rendered (`render`), then filled from a graph (`pack`)."""
