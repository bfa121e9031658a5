"""What `measure` kept → figures → pages, plots, cards and the README's table.

One command, `python -m fakecheck_training.accuracy`; `results` holds all that the others quote.
"""
