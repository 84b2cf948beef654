//! The checks of `coursys-ops`, one file each.
