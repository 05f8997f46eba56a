//! Whose address was it: (address, port, second) -> owner.
