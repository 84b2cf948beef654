//! What the kernel tells about the machine in small files, read by a child: in containers they may come from a file
//! system that can hang.

use coursys_ops_core::Scope;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::process::Command;

/// The component of a server whose machine is looked after; a laptop has none.
pub(crate) const COMPONENT: &str = "machine";

/// What is done when these files do not answer.
pub(crate) const TIMEOUT_HINT: &str =
    "/proc or /sys do not answer: in a container look at the service that provides them (`lxcfs`)";

/// The contents of these files, one after the other.
///
/// # Errors
///
/// The finding that says which could not be read.
pub(crate) async fn read(scope: &Scope, paths: &[&str]) -> Result<String, Finding> {
    let command = Command::new(["cat"].iter().chain(paths));
    let failed = |why: String| {
        Finding::unknown(Code::HelperFailed, format!("cannot read {}: {why}", paths.join(", ")))
    };
    let output = scope.run(command).await.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.complaint()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The finding about a file that does not say what it always says.
pub(crate) fn not_understood(path: &str) -> Finding {
    Finding::unknown(Code::HelperFailed, format!("{path} does not say what it should"))
}
