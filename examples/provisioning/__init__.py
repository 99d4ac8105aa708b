"""Server provisioning with compensation."""
