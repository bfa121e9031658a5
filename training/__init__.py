"""What maintainers retrain fakecheck's detectors with: see README.md beside this file."""
