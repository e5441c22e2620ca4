"""The compiled inner loops of the search, called with plain arrays. Nothing here knows tables or settings."""
