"""Reports in every format that fakecheck writes: one module a format."""
