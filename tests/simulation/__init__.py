"""The deterministic simulation: all services in one process, one seed for everything that chance decides."""
