//! As whom a check runs what the site's user can write: never as root.

use coursys_ops_core::Scope;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::process::User;

/// The account to run a file of the site's directory as; nothing when the caller is that account already. `file` is
/// what is run, or what says what is run, and is judged when the site seems to run as root.
///
/// # Errors
///
/// A finding: this caller may not act as the site's user, there is no such user, or it would be root who runs what
/// others can write.
pub(crate) async fn site_account(scope: &Scope, file: &str) -> Result<Option<User>, Finding> {
    let user = scope.site_user().await?;
    if user.as_ref().map_or(scope.context().caller.uid, |user| user.uid) == 0
        && let Some(danger) = scope.config().site.dangerous_file(file)
    {
        let hint = "set `site.user` to the account that the site runs as";
        return Err(Finding::skipped(Code::NotPermitted, danger).with_hint(hint));
    }
    Ok(user)
}
