"""What the contract says, in plain Python that shares nothing with the package it judges."""
