//! The built-in step that writes the flag.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Flag, Lease, flag};
use crate::run::{BuiltIn, Doing};

/// Writes the flag, unless somebody else has put his there meanwhile; see [`super::BuiltInStep::FLAG`].
#[derive(Debug)]
pub struct FlagStep;

#[async_trait]
impl BuiltIn for FlagStep {
    async fn carry_out(&self, arguments: &BTreeMap<String, String>, doing: &Doing<'_>) -> Result<(), String> {
        let scope = doing.scope();
        let Some(path) = scope.config().maintenance.flag.clone() else {
            return Err("this layout has no flag: `maintenance.flag` is not set".to_owned());
        };
        let text = arguments.get("lease").map(String::as_bytes).unwrap_or_default();
        let lease = Lease::read(text, |_| true)?;
        let user = scope.site_user().await.map_err(|finding| finding.message)?;
        let any = arguments.get("over").is_some_and(|over| over == "anything");
        match flag::read(scope, &path).await {
            Flag::Absent => {}
            Flag::Ours(there) if there.id == lease.id => {}
            Flag::Unseen(why) => return Err(format!("the flag cannot be looked at: {why}")),
            Flag::Ours(_) | Flag::Bare(_) if !any => {
                return Err(format!(
                    "somebody else has changed `{}` meanwhile; look at `coursys-ops maintenance status`",
                    path.display()
                ));
            }
            Flag::Ours(_) => {}
            // A link or a pipe is nobody's word. Nginx may take it for one, so that it stays until ours is in its place.
            Flag::Bare(_) => return flag::take_over(scope, &path, &lease, user).await,
        }
        flag::write(scope, &path, Some(&lease), user).await
    }
}
