"""Captured segments as a ladder, and the layout of the ladder."""
