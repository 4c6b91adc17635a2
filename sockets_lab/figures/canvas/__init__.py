"""Parts that every picture uses: card, colours, axes, units, claims, and the finished picture."""
