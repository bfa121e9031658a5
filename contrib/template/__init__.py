"""The template of a detector package, which `fakecheck detectors new` renders.

Every `*.j2` is a Jinja template of the file that its name says; MODULE stands for the package's
import name. `fakecheck/scaffold/render.py` names the words that they may use.
"""
