"""newsrag: answers over news articles, each sentence cited to the exact words that support it. Layer: types."""

__version__ = "0.1.0"
