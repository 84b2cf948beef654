//! The native half of the Python package `coursys_ops`.
