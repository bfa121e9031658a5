"""What fakecheck is compared with and no part of it: MesoNet, and a regression on power spectra."""
