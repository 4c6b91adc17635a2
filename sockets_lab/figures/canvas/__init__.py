"""The sheet that pictures are drawn on: card, colours, axes, claims, and the finished picture."""
