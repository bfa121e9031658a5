"""Tests of `fakecheck_training`."""
