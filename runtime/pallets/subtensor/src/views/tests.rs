//! The views of a small subnet agree with its storage and with each other.
