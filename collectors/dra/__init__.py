"""What Dynamic Resource Allocation says of devices and of those who hold them, as events."""
