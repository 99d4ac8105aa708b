"""Publish commands, wait for results, read what is going on."""
