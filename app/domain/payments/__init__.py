"""What is proven about a payment, and the status that follows from it."""
