//! Checks of one's own: the sections `[[check]]` of the configuration file, from TOML to types.

mod build;
mod fields;
mod keys;
mod read;

pub use keys::{COMMON_KEYS, OWN_KINDS, OwnKey, own_example, own_keys};
pub(super) use read::read;
