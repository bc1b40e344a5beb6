"""`fer-edge bench`: what the loop costs, how well it finds faces, and what else people write."""
