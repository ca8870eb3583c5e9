"""Every engine against the corpus, the brute-force reference and independent recounts."""
