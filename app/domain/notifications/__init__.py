"""How the shop's systems are told of orders: signatures, tries, and where none may go."""
