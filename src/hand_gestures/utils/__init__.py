"""What every package may use: errors, devices, worker processes, progress, shared rules."""
