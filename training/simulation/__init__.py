"""Forgeries made from real faces: parts and whole faces pasted, dots, grids and blur laid over.

Pictures and faces in, pictures and masks out; `draws` makes training examples of them.
"""
