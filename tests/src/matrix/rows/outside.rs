//! Faults of services outside: mail, CAS, photos, the emplid API, the reporting database.

use crate::inject;
use crate::matrix::{Fault, Scene};
use crate::stand_in::{Certificate, Manner};

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    mail()
}

/// A mail is to be sent, so that the relay has something to refuse.
fn to_somebody(scene: &mut Scene<'_>) {
    scene.arg("--email");
    scene.arg("somebody@coursys.test");
}

/// The mail relay.
fn mail() -> Vec<Fault> {
    const ID: &str = "email.smtp";
    let relay = |name: &str, mechanism, changes| Fault::new(name, mechanism).with(inject::relay(changes));
    vec![
        Fault::new("the mail relay is stopped", "stopped")
            .with(inject::stopped("exim"))
            .culprit(ID, "failed refused"),
        Fault::new("the mail relay hangs", "hung").with(inject::hung("exim")).culprit(ID, "failed timeout"),
        Fault::new("the mail relay's password is wrong", "wrong password")
            .set("email.password", "wrong")
            .culprit(ID, "failed access_denied"),
        relay(
            "the mail relay does not want to talk to this machine",
            "SMTP refusing",
            &[("acl_smtp_mail", "acl_smtp_connect = deny\nacl_smtp_mail")],
        )
        .culprit(ID, "failed rejected"),
        relay(
            "the mail relay is too busy to talk",
            "SMTP refusing",
            &[("acl_smtp_mail", "acl_smtp_connect = defer\nacl_smtp_mail")],
        )
        .culprit(ID, "failed try_later"),
        relay(
            "the mail relay greylists",
            "SMTP refusing",
            &[("check_rcpt:\n", "check_rcpt:\n  defer message = greylisted, come back in 5 minutes\n")],
        )
        .with(to_somebody)
        .culprit(ID, "failed try_later")
        .telling("greylisted"),
        relay(
            "the mail relay refuses the recipient",
            "SMTP refusing",
            &[("check_rcpt:\n", "check_rcpt:\n  deny message = no such user\n")],
        )
        .with(to_somebody)
        .culprit(ID, "failed rejected")
        .telling("no such user"),
        relay(
            "the mail relay refuses the mail itself",
            "SMTP refusing",
            &[
                ("acl_smtp_data = accept", "acl_smtp_data = check_data"),
                ("begin acl\n", "begin acl\ncheck_data:\n  deny message = looks like spam\n"),
            ],
        )
        .with(to_somebody)
        .culprit(ID, "failed rejected")
        .telling("looks like spam"),
        Fault::new("STARTTLS is required of a mail relay that has none", "SMTP feature missing")
            .set("email.tls", "required")
            .culprit(ID, "failed tls_not_offered"),
        relay(
            "the mail relay lets nobody log in",
            "SMTP feature missing",
            &[("auth_advertise_hosts = *", "auth_advertise_hosts =")],
        )
        .culprit(ID, "failed access_denied|failed rejected|failed server_error"),
        Fault::new("the mail relay's certificate has expired", "certificate out of its time")
            .with(inject::certified("email", Certificate::Expired))
            .set("email.starttls", false)
            .culprit(ID, "failed tls_expired"),
        Fault::new("the mail relay's greeting is an apology", "SMTP refusing")
            .with(inject::liar("email", Manner::Greets(b"421 4.3.2 closing for maintenance\r\n")))
            .culprit(ID, "failed try_later"),
    ]
}
