"""What the operator decides: read, checked and explained."""
