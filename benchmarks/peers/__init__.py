"""What sk-mixup is measured against, written as its users would write it."""
