"""torchvision's networks, their weights, devices, and the joint network."""
