//! What a developer or CI runs: `cargo xtask …`.
fn main() {}
