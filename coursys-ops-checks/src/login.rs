//! Whom to log in as.

use coursys_ops_core::config::{SecretValue, Server};
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::secret::Secret;

/// A user and the password.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a Secret,
}

impl<'a> Login<'a> {
    /// Whom the configuration names, or nobody.
    ///
    /// # Errors
    ///
    /// A finding when there is a user and the password is missing or cannot be read.
    pub(crate) fn of(server: &'a Server) -> Result<Option<Self>, Finding> {
        let Some(user) = server.user.as_deref().filter(|user| !user.is_empty()) else { return Ok(None) };
        match &server.secret {
            SecretValue::Known(password) => Ok(Some(Self { user, password })),
            SecretValue::Missing => Err(Finding::not_configured(&format!("{}.password", server.section))),
            SecretValue::Unreadable(why) => Err(Finding::failed(
                Code::SecretUnreadable,
                format!("no password for `{user}`: {why}"),
                "let the user that runs the checks read it, or correct its place in the configuration",
            )),
        }
    }

    /// Whom the configuration names, where it must name somebody.
    ///
    /// # Errors
    ///
    /// A finding when host, user or password are missing, or the password cannot be read.
    pub(crate) fn required(server: &'a Server) -> Result<Self, Finding> {
        let missing = |key: &str| Finding::not_configured(&format!("{}.{key}", server.section));
        if server.socket.is_none() && server.host.is_none() {
            return Err(missing("host"));
        }
        Self::of(server)?.ok_or_else(|| missing("user"))
    }
}
