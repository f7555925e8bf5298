"""What comes before the main screen. Escape always leads back."""
