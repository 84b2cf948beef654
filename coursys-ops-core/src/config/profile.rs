//! The built-in profiles: what a layout says before anybody configures anything.

/// The layouts, each a profile of its name.
pub const LAYOUTS: &[&str] = &["vm", "compose", "devel"];

/// The layout when nothing names one.
pub const DEFAULT_LAYOUT: &str = "vm";

/// What every layout says unless its own profile says otherwise, as TOML.
pub(super) const COMMON: &str = include_str!("../../profiles/common.toml");

/// The profile of a layout, as TOML; it stands above what all layouts share.
#[must_use]
pub fn profile(layout: &str) -> Option<&'static str> {
    match layout {
        "vm" => Some(include_str!("../../profiles/vm.toml")),
        "compose" => Some(include_str!("../../profiles/compose.toml")),
        "devel" => Some(include_str!("../../profiles/devel.toml")),
        _ => None,
    }
}
