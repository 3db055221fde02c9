"""Proof of privacy: what is read, what leaves, what stays in every artefact, and what attackers make of it."""
