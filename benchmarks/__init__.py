"""What the product does beside the plain way, in one run on one machine."""
