"""The resource manager: who holds which shared resource."""
