"""What a detector package must satisfy, checked: `fakecheck detectors validate` and its tests.

Static checks read files and import nothing of the plug-in; with `load` graphs are opened and run;
with `data` accuracy is measured, and the card fitted. `examine.validate` makes them all.
"""
