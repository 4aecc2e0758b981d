"""Puzzles of images: each place comes from the row that has most to show there."""
