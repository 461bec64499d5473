"""Training the reader: question sets in, a weights file out. `run` strings the steps together."""
