"""Worked cases of GPU cost, asked as anyone can ask them, and the page that shows them."""
