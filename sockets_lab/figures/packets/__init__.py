"""From captured segments to the ladder and its layout."""
