//! What the helper process answers when the operating system is asked something that can hang.

use coursys_ops_core::Scope;
use coursys_ops_core::helper::{Answer, Ask};
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::process::{Command, User};
use serde::de::DeserializeOwned;

/// Asks the helper, as this user or as the caller.
///
/// # Errors
///
/// A finding when the helper itself failed; what the operating system refused is in the answer.
pub(crate) async fn ask<T: DeserializeOwned>(
    scope: &Scope,
    ask: Ask,
    user: Option<User>,
) -> Result<Answer<T>, Finding> {
    let failed =
        |why: String| Finding::unknown(Code::HelperFailed, format!("the helper process failed: {why}"));
    let output = scope.run(Command::ask(ask).user(user)).await.map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&output.stdout).map_err(|_| failed(output.complaint()))
}
