"""Measurements to be run by hand: how good answers are on public question sets, and how fast passages are read."""
