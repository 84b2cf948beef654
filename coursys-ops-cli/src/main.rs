//! The program `coursys-ops`.
fn main() {}
