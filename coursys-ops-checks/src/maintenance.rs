//! Whether the site is in maintenance: the file is there that turns its maintenance page on.

use coursys_ops_core::Scope;
use coursys_ops_core::helper::Ask;
use coursys_ops_core::model::{Code, Finding};

use crate::helper_answer::ask;

/// Whether the flag is there. A layout without one is never in maintenance; a flag that this user cannot see does not
/// count, because what is skipped for its sake would never be looked at.
///
/// # Errors
///
/// A finding when the helper failed.
pub(crate) async fn is_on(scope: &Scope) -> Result<bool, Finding> {
    let Some(flag) = scope.config().maintenance.flag.clone() else { return Ok(false) };
    Ok(ask::<bool>(scope, Ask::Present(flag), None).await?.unwrap_or(false))
}

/// What a check says that makes no sense in maintenance.
pub(crate) fn skipped(scope: &Scope, why: &str) -> Finding {
    let flag = scope.config().maintenance.flag.as_ref().map(|flag| flag.display().to_string());
    let flag = flag.unwrap_or_default();
    Finding::skipped(Code::InMaintenance, format!("the site is in maintenance ({flag} is there): {why}"))
}
