"""From files as people have them to frames of the contract's types, and every fault on the way."""
