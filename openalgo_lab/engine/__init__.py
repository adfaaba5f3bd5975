"""The asyncio world: owns all live state."""
