"""The relay: from the journals to the public event topics."""
