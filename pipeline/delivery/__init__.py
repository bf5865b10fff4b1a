"""How CloudFront's logs come to the stack: turning them on and off, and finding what is broken."""
