"""What a run leaves behind and how it goes on: its folder, its random streams, its log, its summary."""
