"""What a volume does: transport, connectivity, interfaces and triple-phase boundaries."""
