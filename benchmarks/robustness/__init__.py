"""What holds under attack and damage: scripts that take longer than a test may."""
