"""altan-checkout: a cart becomes a Stripe payment page, and its payment is recorded."""
