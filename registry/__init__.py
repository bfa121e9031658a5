"""The data of the registry: `fakecheck.index` reads them, `fakecheck.index_files` writes them."""
