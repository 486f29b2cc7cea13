"""What makes a picture accountable, part by part."""
